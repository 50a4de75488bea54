# SPDX-License-Identifier: MIT
#
# What the tests need beside the kernel itself:
#   tests/unit/test_NAME.c   programs of the reader's machine (cmocka, ASan, UBSan)
#   tests/ring3/NAME.c       static programs built with musl, that run here and on Linux
#   tests/ring3/libc_NAME.c  the same, and again with the project's own C library and with glibc
#   tests/ring3/threads_NAME.c  with musl and with glibc
#   tests/scenario/NAME.c    static programs, built with musl, that tests/scenario/*.t run
#   tests/scenario/libc_NAME.c  the same, built with the project's own C library

# --- unit: the same mm/ and lib/ sources, compiled for the machine that runs make ---
UNIT_CFLAGS := -std=gnu11 -O1 -g -DMUTANTS $(warnings) -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer -I. $(defines)
UNIT_TESTS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_PROGRAMS := $(if $(native),$(UNIT_TESTS:tests/unit/%.c=$(BUILD)/tests/unit/%))
unit_object = $(1:%=$(BUILD)/obj/unit/%.o)

# In an archive, so that each test gets what it refers to and no more. The functions of string.c
# and format.c are the host's own there; a test of those names them in its `link:` line.
UNIT_SOURCES := $(sort $(wildcard mm/*.c) $(filter-out lib/string.c lib/format.c, \
	$(wildcard lib/*.c)) $(filter-out $(UNIT_TESTS),$(wildcard tests/unit/*.c)))
UNIT_OBJECTS := $(call unit_object,$(UNIT_SOURCES))

# A test says what else it needs in a comment:  // link: kernel/file/cpio.c lib/string.c
linked_by = $(shell sed -n 's,^// link:,,p' $(1))

$(eval $(call stamp,$(BUILD)/flags/unit,$(HOST_CC) $(UNIT_CFLAGS) $(UNIT_OBJECTS)))
$(BUILD)/obj/unit/%.c.o: %.c $(BUILD)/flags/unit
	$(call say,CC,$< [unit])
	@mkdir -p $(@D)
	$(quiet)$(HOST_CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/libunit.a: $(UNIT_OBJECTS)
	$(call say,AR,$@)
	@mkdir -p $(@D) && rm -f $@
	$(quiet)ar rcs $@ $(UNIT_OBJECTS)

define unit_program
$(BUILD)/tests/unit/$(1): $(call unit_object,tests/unit/$(1).c tests/unit/choose_mutant.c $(2)) \
		$(BUILD)/tests/libunit.a
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(quiet)$$(HOST_CC) $$(UNIT_CFLAGS) -o $$@ $$^ -lcmocka
-include $(patsubst %.o,%.d,$(call unit_object,tests/unit/$(1).c $(2)))
endef
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_program,$(basename $(notdir $(test))),\
	$(call linked_by,$(test)))))

# --- ring 3 ---
RING3_SOURCES := $(sort $(wildcard tests/ring3/*.c))
RING3_NAMES := $(RING3_SOURCES:tests/ring3/%.c=%)
RING3_PROGRAMS := $(RING3_NAMES:%=$(BUILD)/tests/ring3/%) \
	$(patsubst %,$(BUILD)/tests/ring3/%.faultline,$(filter libc_%,$(RING3_NAMES))) \
	$(patsubst %,$(BUILD)/tests/ring3/%.glibc,$(filter libc_% threads_%,$(RING3_NAMES)))
# musl-gcc is a native compiler only; elsewhere the cross compiler's own library has to do.
GLIBC_CC := $(if $(native),$(HOST_CC),x86_64-linux-gnu-gcc)
MUSL_CC := $(if $(native),musl-gcc,$(GLIBC_CC))
RING3_CFLAGS := -std=gnu11 -O2 -g $(warnings) -static -fno-pie -no-pie -I. $(defines)
# musl-gcc does not see Linux's headers by itself; the staged ones are after its own.
$(eval $(call stamp,$(BUILD)/flags/ring3,$(MUSL_CC) $(GLIBC_CC) $(RING3_CFLAGS)))

$(BUILD)/tests/ring3/%: tests/ring3/%.c $(BUILD)/flags/ring3 $(staged)
	$(call say,MUSL,$<)
	@mkdir -p $(@D)
	$(quiet)$(MUSL_CC) $(RING3_CFLAGS) -idirafter $(BUILD)/include -MMD -MP -MF $@.d -o $@ $<

$(BUILD)/tests/ring3/%.glibc: tests/ring3/%.c $(BUILD)/flags/ring3
	$(call say,GLIBC,$<)
	@mkdir -p $(@D)
	$(quiet)$(GLIBC_CC) $(RING3_CFLAGS) -MMD -MP -MF $@.d -o $@ $<

$(BUILD)/tests/ring3/%.faultline: $(BUILD)/obj/user/tests/ring3/%.c.o $(libc) user/program.ld \
		$(BUILD)/flags/program
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(quiet)$(link_program)

# --- fuzzers: tests/fuzz/NAME/*.c is one program ---
FUZZERS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/fuzz/*/main.c)))))
FUZZ_PROGRAMS := $(FUZZERS:%=$(BUILD)/tests/fuzz/%)
define fuzz_program
$(BUILD)/tests/fuzz/$(1): $(wildcard tests/fuzz/$(1)/*.[ch]) $(BUILD)/flags/ring3 $(staged)
	$$(call say,MUSL,tests/fuzz/$(1))
	@mkdir -p $$(@D)
	$$(quiet)$$(MUSL_CC) $$(RING3_CFLAGS) -idirafter $(BUILD)/include -o $$@ $$(filter %.c,$$^)
endef
$(foreach name,$(FUZZERS),$(eval $(call fuzz_program,$(name))))

# malloc and the pools for libFuzzer, where clang is there: a corpus of each in the tree, more by
# `make fuzz-malloc` and `make fuzz-pools`.
FUZZ_CC := $(if $(native),$(firstword $(foreach name,clang clang-14 clang-16 clang-19, \
	$(if $(shell command -v $(name)),$(name)))))
FUZZ_MALLOC := $(if $(FUZZ_CC),$(BUILD)/tests/fuzz/malloc $(BUILD)/tests/fuzz/pools)
$(BUILD)/tests/fuzz/pools: tests/fuzz/pools/target.c $(wildcard lib/pool*.h) lib/bitmap.h \
		$(BUILD)/flags/unit
	$(call say,CC,$< [fuzz])
	@mkdir -p $(@D)
	$(quiet)$(FUZZ_CC) $(filter-out $(warnings),$(UNIT_CFLAGS)) -fsanitize=fuzzer -o $@ $<

$(BUILD)/tests/fuzz/malloc: $(wildcard tests/fuzz/malloc/*.c lib/libc/malloc*.[ch]) \
		tests/unit/malloc_under_test.h $(BUILD)/flags/unit
	$(call say,CC,$< [fuzz])
	@mkdir -p $(@D)
	$(quiet)$(FUZZ_CC) $(filter-out $(warnings),$(UNIT_CFLAGS)) -fsanitize=fuzzer -o $@ $< -lcmocka

# Its threads under ThreadSanitizer.
MALLOC_THREADS := $(if $(native),$(BUILD)/tests/sanitize/malloc_threads)
$(BUILD)/tests/sanitize/malloc_threads: tests/sanitize/malloc_threads.c $(BUILD)/flags/unit \
		$(wildcard lib/libc/malloc*.[ch]) tests/unit/malloc_under_test.h
	$(call say,CC,$< [thread])
	@mkdir -p $(@D)
	$(quiet)$(HOST_CC) -std=gnu11 -O1 -g $(warnings) -fsanitize=thread -I. $(defines) -o $@ $< \
		-lcmocka

.PHONY: fuzz-malloc fuzz-pools
fuzz-malloc fuzz-pools: fuzz-%: $(FUZZ_MALLOC)
	@mkdir -p $(BUILD)/corpus/$*
	@$(if $(FUZZ_MALLOC),cd $(BUILD)/corpus/$* && ../../tests/fuzz/$* -max_len=600 \
		-max_total_time=$(or $(SECONDS),60) . $(abspath tests/fuzz/$*/corpus), \
		echo 'fuzz-$*: needs clang' && false)

# --- programs that scenarios and `make bench` run ---
SCENARIO_OWN := $(sort $(wildcard tests/scenario/libc_*.c))
SCENARIO_SOURCES := $(filter-out $(SCENARIO_OWN),$(sort $(wildcard tests/scenario/*.c)))
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
SCENARIO_PROGRAMS := $(SCENARIO_SOURCES:%.c=$(BUILD)/%)
SOAK_PROGRAM := $(BUILD)/tests/soak/again
BENCH_ALONE := $(BUILD)/tests/bench/nothing $(BUILD)/tests/bench/growth
BENCH_PROGRAMS := $(BUILD)/tests/bench/bench $(BENCH_ALONE)
MALLOC_BENCH := $(BUILD)/tests/bench/malloc
MALLOC_BENCH_PROGRAMS := $(if $(native),$(MALLOC_BENCH) $(MALLOC_BENCH).musl)
SCENARIO_OWN_PROGRAMS := $(SCENARIO_OWN:%.c=$(BUILD)/%)
$(SCENARIO_OWN_PROGRAMS): $(BUILD)/%: $(BUILD)/obj/user/%.c.o $(libc) user/program.ld \
		$(BUILD)/flags/program
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(quiet)$(link_program)

$(SCENARIO_PROGRAMS) $(BENCH_ALONE) $(SOAK_PROGRAM): $(BUILD)/%: %.c $(BUILD)/flags/ring3 $(staged)
	$(call say,MUSL,$<)
	@mkdir -p $(@D)
	$(quiet)$(MUSL_CC) $(RING3_CFLAGS) -idirafter $(BUILD)/include -MMD -MP -MF $@.d -o $@ $<

# Call stacks of page faults follow frame pointers.
$(BUILD)/tests/scenario/traced: RING3_CFLAGS += -fno-omit-frame-pointer

bench_objects := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/nothing.c %/growth.c,$(BENCH_SOURCES)))
$(bench_objects): $(BUILD)/obj/%.o: %.c $(BUILD)/flags/ring3 $(staged)
	$(call say,MUSL,$<)
	@mkdir -p $(@D)
	$(quiet)$(MUSL_CC) $(RING3_CFLAGS) -idirafter $(BUILD)/include -MMD -MP -c -o $@ $<

$(BUILD)/tests/bench/bench: $(bench_objects)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(quiet)$(MUSL_CC) $(RING3_CFLAGS) -o $@ $^

# Dynamic, so that it runs with any malloc that is preloaded; musl's is measured in a static one.
$(MALLOC_BENCH): tests/bench/malloc/patterns.c $(BUILD)/flags/ring3
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(quiet)$(HOST_CC) $(filter-out -static -fno-pie -no-pie,$(RING3_CFLAGS)) -pthread -o $@ $<

$(MALLOC_BENCH).musl: tests/bench/malloc/patterns.c $(BUILD)/flags/ring3
	$(call say,MUSL,$<)
	@mkdir -p $(@D)
	$(quiet)$(MUSL_CC) $(RING3_CFLAGS) -o $@ $<

-include $(bench_objects:.o=.d)
-include $(SCENARIO_OWN:%=$(BUILD)/obj/user/%.d) $(UNIT_OBJECTS:.o=.d) $(RING3_PROGRAMS:%=%.d) $(SCENARIO_PROGRAMS:%=%.d) \
	$(BENCH_ALONE:%=%.d) $(SOAK_PROGRAM:%=%.d)

# --- all of it ---
TEST_NEEDS := $(BUILD)/kernel.elf $(BUILD)/untraced/kernel.elf $(BUILD)/system.cpio \
	$(BUILD)/faultline.iso $(UNIT_PROGRAMS) \
	$(RING3_PROGRAMS) $(FUZZ_PROGRAMS) $(SCENARIO_PROGRAMS) $(SCENARIO_OWN_PROGRAMS) \
	$(BENCH_PROGRAMS) $(BUILD)/compile_commands.json \
	$(if $(RING0_SOURCES),$(BUILD)/kernel-test.elf) \
	$(MALLOC_BENCH_PROGRAMS) $(FUZZ_MALLOC) $(MALLOC_THREADS) $(if $(native),$(BUILD)/libfaultline-malloc.so)

# Random sequences of the mmap family, here and on Linux: SEEDS=first-last, STEPS of each.
.PHONY: fuzz-mmap
fuzz-mmap: $(BUILD)/kernel.elf $(FUZZ_PROGRAMS)
	@BUILD=$(BUILD) tests/fuzz/mmap_family.py $(or $(SEEDS),1-1000) --steps $(or $(STEPS),80)

# Programs that use threads, RUNS times each on 2 and on 4 CPUs: an hour or more.
.PHONY: soak
soak: $(BUILD)/kernel.elf $(SOAK_PROGRAM) $(filter $(BUILD)/tests/ring3/threads_%,$(RING3_PROGRAMS))
	@BUILD=$(BUILD) tests/soak/soak.py --runs $(or $(RUNS),100) $(SOAK)

test: $(TEST_NEEDS)
	@BUILD=$(BUILD) tests/run $(TESTS)

.PHONY: test-preload
test-preload: $(BUILD)/libfaultline-malloc.so
	@BUILD=$(BUILD) tests/preload/run

test-model:
	@BUILD=$(BUILD) tests/run tests/scenario/models.t

# Those that are about memory or several threads: what a TLB can spoil.
BOCHS_TESTS := tests/scenario/mutants.t tests/ring0/ring0.c $(patsubst %,tests/ring3/%.c, \
	brk copy_on_write exec fault_signals fork_storm fork_tree mappings threads_memory \
	populate_killed preemption registers signals stack threads_basic threads_contexts \
	threads_futex threads_many \
	threads_process threads_shootdown threads_storm)
test-bochs: $(TEST_NEEDS)
	@BUILD=$(BUILD) MACHINE=bochs tests/run $(or $(TESTS),$(BOCHS_TESTS))

# --- compile_commands.json, for editors ---
quote := "
comma := ,
# $(call entries,sources,compiler and flags); the readers are made of clang and want its flags.
entries = $(foreach source,$(filter %.c,$(1)),{"directory": "$(CURDIR)"$(comma) "file": \
	"$(source)"$(comma) "command": "$(subst $(quote),\$(quote),$(filter-out $(gcc_flags),$(2))) -c $(source)"}$(comma))
database = $(call entries,$(KERNEL_SOURCES) $(RING0_SOURCES),$(CC) $(KERNEL_CFLAGS)) \
	$(call entries,$(LIBC_SOURCES) $(USER_SOURCES) $(SCENARIO_OWN),$(CC) $(USER_CFLAGS)) \
	$(call entries,$(wildcard tests/unit/*.c),$(HOST_CC) $(UNIT_CFLAGS)) \
	$(call entries,$(RING3_SOURCES) $(SCENARIO_SOURCES) $(BENCH_SOURCES),$(MUSL_CC) $(RING3_CFLAGS))
$(eval $(call stamp,$(BUILD)/flags/sources,$(KERNEL_SOURCES) $(RING0_SOURCES) \
	$(LIBC_SOURCES) $(USER_SOURCES) $(wildcard tests/unit/*.c) $(RING3_SOURCES) \
	$(SCENARIO_SOURCES) $(BENCH_SOURCES)))

# The reader's tools look for it in the root; other builds than the usual one stay out of there.
$(BUILD)/compile_commands.json: $(BUILD)/flags/kernel $(BUILD)/flags/user $(BUILD)/flags/unit \
		$(BUILD)/flags/ring3 $(BUILD)/flags/sources tools/build/tests.mk
	$(file >$@.line,[$(database)])
	@sed 's/, *]$$/]/; s/},/},\n/g' $@.line >$@ && rm $@.line
	$(if $(filter build,$(BUILD)),@cp $@ compile_commands.json)
