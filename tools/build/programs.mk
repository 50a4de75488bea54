# SPDX-License-Identifier: MIT
#
# Ring 3: user/NAME.c, or all of user/NAME/*.c, becomes $(BUILD)/user/NAME, statically linked with
# lib/libc and lib, and with what it uses of user/lib.

LIBC_SOURCES := $(sort $(wildcard lib/libc/*.c lib/libc/*.asm lib/*.c user/lib/*.c))
LIBC_OBJECTS := $(LIBC_SOURCES:%=$(BUILD)/obj/user/%.o)
libc := $(BUILD)/libfaultline.a

user_directories := $(filter-out lib bugs,$(sort $(patsubst user/%/,%,$(dir $(wildcard user/*/*.c)))))
user_files := $(patsubst user/%.c,%,$(sort $(wildcard user/*.c)))
USER_SOURCES := $(sort $(wildcard user/*.c $(user_directories:%=user/%/*.c)))
USER_PROGRAMS := $(patsubst %,$(BUILD)/user/%,$(sort $(user_files) $(user_directories)))

# Sections of their own, so that a program carries only the functions that it calls.
$(BUILD)/obj/user/%.c.o: %.c $(BUILD)/flags/user $(staged)
	$(call say,CC,$< [ring 3])
	@mkdir -p $(@D)
	$(quiet)$(CC) $(USER_CFLAGS) -ffunction-sections -fdata-sections -MMD -MP -c -o $@ $<

$(BUILD)/obj/user/lib/libc/malloc.c.o: USER_CFLAGS += -DMALLOC_LAYERS
# In every program that allocates, and never in a hurry.
$(filter $(BUILD)/obj/user/lib/libc/debug_% $(BUILD)/obj/user/lib/libc/malloc_debug% \
	$(BUILD)/obj/user/lib/libc/malloc_trace% $(BUILD)/obj/user/lib/libc/malloc_environment%,\
	$(LIBC_OBJECTS)): USER_CFLAGS += -Os

$(BUILD)/obj/user/%.asm.o: %.asm $(BUILD)/flags/user $(staged)
	$(call say,NASM,$< [ring 3])
	@mkdir -p $(@D)
	$(quiet)$(NASM) -f elf64 -I. $(defines) -MD $(@:.o=.d) -MP -o $@ $<

$(eval $(call stamp,$(BUILD)/flags/libc,$(AR) $(LIBC_OBJECTS)))
$(libc): $(LIBC_OBJECTS) $(BUILD)/flags/libc
	$(call say,AR,$@)
	@rm -f $@
	$(quiet)$(AR) rcs $@ $(LIBC_OBJECTS)

$(eval $(call stamp,$(BUILD)/flags/program,$(LD) $(USER_LDFLAGS)))
link_program = $(LD) $(USER_LDFLAGS) -T user/program.ld -o $@ $(filter %.c.o,$^) $(libc)

# $(call program,name,sources)
define program
$(call stamp,$(BUILD)/flags/program-$(1),$(LD) $(USER_LDFLAGS) $(2))
$(BUILD)/user/$(1): $(2:%=$(BUILD)/obj/user/%.o) $(libc) user/program.ld \
		$(BUILD)/flags/program-$(1)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(quiet)$$(link_program)
endef
$(foreach name,$(user_files),$(eval $(call program,$(name),user/$(name).c)))
$(foreach name,$(user_directories),$(eval \
	$(call program,$(name),$(sort $(wildcard user/$(name)/*.c)))))

# --- user/bugs/NAME.c: a mistake each, which the compiler shall neither warn of nor optimise away;
# BUGS/NAME, and BUGS/NAME.protected with the stack protector where that makes a difference.
BUG_SOURCES := $(sort $(wildcard user/bugs/*.c))
BUG_PROGRAMS := $(BUG_SOURCES:user/bugs/%.c=$(BUILD)/bugs/%) $(BUILD)/bugs/stack_buffer.protected
BUG_CFLAGS = $(filter-out -O2,$(USER_CFLAGS)) -O0 -w
link_bug = $(LD) $(USER_LDFLAGS) -u malloc_debug_early -T user/program.ld -o $@ \
	$(filter %.o,$^) $(bug_libc)
# Lines of the mistakes are enough: those of the library make each program twice as large.
bug_libc := $(BUILD)/libfaultline-lineless.a
$(bug_libc): $(libc)
	$(call say,OBJCOPY,$@)
	$(quiet)$(OBJCOPY) --strip-debug $< $@

$(BUILD)/obj/bugs/%.o: user/bugs/%.c $(BUILD)/flags/user $(staged)
	$(call say,CC,$< [ring 3])
	@mkdir -p $(@D)
	$(quiet)$(CC) $(BUG_CFLAGS) -MMD -MP -c -o $@ $<

# clang does not do as asked for x86_64-elf: it keeps the guard in a variable there.
$(BUILD)/obj/bugs/%.protected.o: user/bugs/%.c $(BUILD)/flags/user $(staged)
	$(call say,CC,$< [ring 3])
	@mkdir -p $(@D)
	$(quiet)$(CC) $(filter-out -fno-stack-protector,$(BUG_CFLAGS)) -fstack-protector-all \
		-mstack-protector-guard=tls $(if $(LLVM),--target=x86_64-linux-gnu) \
		-MMD -MP -c -o $@ $<

$(BUILD)/bugs/%: $(BUILD)/obj/bugs/%.o $(bug_libc) user/program.ld $(BUILD)/flags/program
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(quiet)$(link_bug)

-include $(BUG_PROGRAMS:$(BUILD)/bugs/%=$(BUILD)/obj/bugs/%.d)

# --- a program of the reader's own, with the small C library: tools/cc asks for this ---
# SOURCES, PROGRAM (what to make) and OPTIONS (of the compiler). For debugging: not optimised unless
# OPTIONS say so, every function with a frame pointer, the stack protector on, MALLOC_DEBUG heard
# even in a program that never allocates.
PROGRAM_CFLAGS := $(filter-out -O2 -fno-stack-protector -Wmissing-prototypes -Wvla,$(USER_CFLAGS)) \
	-O0 -fstack-protector-strong \
	$(if $(LLVM),--target=x86_64-linux-gnu -mstack-protector-guard=tls)
.PHONY: program
program: $(libc) user/program.ld $(staged)
	@mkdir -p $(BUILD)/obj/program
	$(quiet)n=0; objects=; for source in $(SOURCES); do \
		n=$$((n + 1)); object=$(BUILD)/obj/program/$(notdir $(PROGRAM)).$$n.o; \
		$(CC) $(PROGRAM_CFLAGS) $(OPTIONS) -c -o $$object $$source || exit 1; \
		objects="$$objects $$object"; \
	done; \
	$(LD) $(USER_LDFLAGS) -u malloc_debug_early -T user/program.ld -o $(PROGRAM) $$objects $(libc)

# The archive the kernel finds its first programs in, without the debugger's share of them. Owner
# and time are fixed, so that the same programs give the same archive. /etc/programs is what the
# prompt's `help` prints: the third line of each program's source says what it is for.
$(eval $(call stamp,$(BUILD)/flags/initrd,$(USER_PROGRAMS)))
$(BUILD)/initrd.cpio: $(USER_PROGRAMS) $(BUILD)/flags/initrd
	$(call say,CPIO,$@)
	@rm -rf $(BUILD)/initrd && mkdir -p $(BUILD)/initrd/bin $(BUILD)/initrd/etc
	@for program in $(USER_PROGRAMS); do \
		$(OBJCOPY) --strip-debug $$program $(BUILD)/initrd/bin/$${program##*/} || exit 1; \
	done
	@for program in $(user_files) $(user_directories:%=%/main); do \
		sed -n '3s,^// ,,p' user/$$program.c; \
	done | LC_ALL=C sort >$(BUILD)/initrd/etc/programs
	@find $(BUILD)/initrd -exec touch -h -d @0 {} +
	$(quiet)(cd $(BUILD)/initrd && find . -mindepth 1 | LC_ALL=C sort | \
		cpio --quiet --reproducible -o -H newc -R 0:0) >$@

# The same with user/bugs and Debian's busybox, where this machine has one that runs there: /bin/busybox, a link
# for each of its applets whose name is not taken, and what programs look up about users.
busybox := $(shell command -v busybox)
applets := $(if $(busybox),$(shell $(READELF) -hl $(busybox) 2>/dev/null | \
	awk '/X86-64/ {is = 1} /INTERP/ {is = 0} END {if (is) print "yes"}'))
etc := $(sort $(wildcard user/etc/*))

$(eval $(call stamp,$(BUILD)/flags/system,$(busybox) $(applets) $(etc) $(BUG_PROGRAMS)))
$(BUILD)/system.cpio: $(BUILD)/initrd.cpio $(BUG_PROGRAMS) $(etc) $(if $(applets),$(busybox)) $(BUILD)/flags/system
	$(call say,CPIO,$@)
	@rm -rf $(BUILD)/system && cp -R $(BUILD)/initrd $(BUILD)/system
	@cp $(etc) $(BUILD)/system/etc/
	@mkdir $(BUILD)/system/bugs
	@# With their line tables, for the reports.
	@for program in $(BUG_PROGRAMS); do \
		$(OBJCOPY) --strip-debug --keep-section=.debug_line \
			--keep-section=.debug_line_str $$program \
			$(BUILD)/system/bugs/$${program##*/} || exit 1; \
	done
ifeq ($(applets),yes)
	@cp -L $(busybox) $(BUILD)/system/bin/busybox
	@$(busybox) --list-full | while read -r path; do \
		name=$${path##*/}; \
		test "$$path" != linuxrc && test ! -e $(BUILD)/system/bin/$$name || continue; \
		mkdir -p $(BUILD)/system/$${path%/*} && \
		ln -s /bin/busybox $(BUILD)/system/$$path || exit 1; \
	done
endif
	@find $(BUILD)/system -exec touch -h -d @0 {} +
	$(quiet)(cd $(BUILD)/system && find . -mindepth 1 | LC_ALL=C sort | \
		cpio --quiet --reproducible -o -H newc -R 0:0) >$@

# The same malloc.c as a shared object that programs on Linux accept through LD_PRELOAD, with the
# debug allocator, but for how it finds call stacks. Its constructors run before all others: what
# is registered for fork first gets the lock last, as a lock below all others must.
PRELOAD_SOURCES := $(wildcard lib/libc/preload/*.c) $(filter-out %/malloc_debug_walk.c, \
	$(wildcard lib/libc/malloc_layer.c lib/libc/malloc_trace.c lib/libc/malloc_environment.c \
		lib/libc/malloc_debug*.c lib/libc/debug_*.c) \
	lib/libc/stack_protector.c)
PRELOAD_CFLAGS := -std=gnu11 -O2 -g $(warnings) -Wno-missing-prototypes -fPIC \
	-ftls-model=initial-exec -fno-builtin-malloc -I. $(defines)
$(eval $(call stamp,$(BUILD)/flags/preload,$(HOST_CC) $(PRELOAD_CFLAGS) $(PRELOAD_SOURCES)))
$(BUILD)/libfaultline-malloc.so: $(PRELOAD_SOURCES) $(BUILD)/flags/preload
	$(call say,CC,$@)
	@mkdir -p $(BUILD)/obj/preload
	$(quiet)for source in $(PRELOAD_SOURCES); do \
		$(HOST_CC) $(PRELOAD_CFLAGS) -MMD -MP -MF $(BUILD)/obj/preload/$${source##*/}.d \
			-MT $@ -c -o $(BUILD)/obj/preload/$${source##*/}.o $$source || exit 1; \
	done
	$(quiet)$(HOST_CC) -shared -static-libgcc -Wl,-z,initfirst -o $@ \
		$(foreach source,$(PRELOAD_SOURCES),$(BUILD)/obj/preload/$(notdir $(source)).o)

-include $(LIBC_OBJECTS:.o=.d) $(wildcard $(BUILD)/obj/preload/*.d)
-include $(USER_SOURCES:%=$(BUILD)/obj/user/%.d)
