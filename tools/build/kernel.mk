# SPDX-License-Identifier: MIT
#
# The kernel: every source of boot/, kernel/, mm/ and lib/, found by wildcard. It is linked twice:
# the first result is only read for the names and addresses of its functions, which the second
# one carries as a table, so that a backtrace can name them. The table is read-only data behind
# the text (.symbols in linker.ld), so no function moves between the two; the build checks that.

KERNEL_SOURCES := $(sort $(wildcard boot/*.c boot/*.asm kernel/*.c kernel/*.asm \
	kernel/*/*.c kernel/*/*.asm mm/*.c lib/*.c))
KERNEL_OBJECTS := $(KERNEL_SOURCES:%=$(BUILD)/obj/kernel/%.o)
RING0_SOURCES := $(sort $(wildcard tests/ring0/*.c tests/ring0/*.asm))
RING0_OBJECTS := $(RING0_SOURCES:%=$(BUILD)/obj/kernel/%.o)

$(BUILD)/obj/kernel/%.c.o: %.c $(BUILD)/flags/kernel $(staged)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(KERNEL_CFLAGS) -MMD -MP -c -o $@ $<

# No `nasm -g`: its line tables make gdb warn about every file. Labels inside macros would be
# taken for functions in backtraces.
# nasm does not list what is included in its dependencies.
$(BUILD)/obj/kernel/%.asm.o: %.asm kernel/machine/offsets.inc $(BUILD)/flags/kernel $(staged)
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(quiet)$(NASM) -f elf64 -I. $(defines) -MD $(@:.o=.d) -MP \
		-o $@ $<
	$(quiet)$(OBJCOPY) --wildcard --strip-symbol='..@*' $@

# $(call kernel,name,objects)
define kernel
$(call stamp,$(BUILD)/flags/link-$(1),$(LD) $(KERNEL_LDFLAGS) $(2))
$(BUILD)/$(1).elf: $(2) linker.ld tools/symbols $(BUILD)/flags/link-$(1)
	$$(call say,LD,$$@)
	$$(quiet)$$(LD) $$(KERNEL_LDFLAGS) -T linker.ld -o $$@.first $(2)
	$$(quiet)$$(NM) -n $$@.first | tools/symbols >$$@.asm
	$$(quiet)$$(NASM) -f elf64 -o $$@.symbols.o $$@.asm
	$$(quiet)$$(LD) $$(KERNEL_LDFLAGS) -T linker.ld -o $$@ $(2) $$@.symbols.o
	$$(quiet)$$(NM) -n $$@ | tools/symbols | cmp - $$@.asm
	@rm -f $$@.first
endef
$(eval $(call kernel,kernel,$(KERNEL_OBJECTS)))
$(eval $(call kernel,kernel-test,$(KERNEL_OBJECTS) $(RING0_OBJECTS)))

iso: $(BUILD)/faultline.iso
$(BUILD)/faultline.iso: $(BUILD)/kernel.elf $(BUILD)/system.cpio iso/boot/grub/grub.cfg
	$(call say,ISO,$@)
	@rm -rf $(BUILD)/iso && cp -R iso $(BUILD)/iso
	@cp $(BUILD)/kernel.elf $(BUILD)/iso/boot/
	@cp $(BUILD)/system.cpio $(BUILD)/iso/boot/initrd.cpio
	$(quiet)grub-mkrescue -o $@ $(BUILD)/iso >$(BUILD)/iso.log 2>&1 || { \
		cat $(BUILD)/iso.log >&2; exit 1; }

-include $(patsubst %.o,%.d,$(KERNEL_OBJECTS) $(RING0_OBJECTS))
