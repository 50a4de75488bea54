# SPDX-License-Identifier: MIT
#
# Faultline: `make help` lists what can be asked for. The rules themselves stand in tools/build:
#   compiler.mk  which compiler and linker, and with which flags
#   kernel.mk    the kernel, the initrd, the ISO
#   programs.mk  ring 3: the small C library, user/, the malloc that Linux programs can preload
#   tests.mk     what `make test` needs
#   mutants.mk   a kernel with known bugs, one to be chosen, that the tests must catch
#
# Variables: V=1 shows commands; DEBUG=1 builds with red zones and poison in build/debug;
# LLVM=1 takes clang and lld; BUILD=dir puts everything elsewhere.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
# All processors, unless -j says otherwise (on the command line it wins).
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
endif
SHELL := /bin/sh
# no-color.org, for who does not look by himself.
ifneq ($(NO_COLOR),)
export GCC_COLORS :=
endif
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

# `make deps run` on a machine with nothing installed: the rules ask for compilers while they are
# read, so what comes after `deps`, or after `clean`, gets a make of its own, one after the other.
steps := $(filter deps clean,$(MAKECMDGOALS))
ifneq ($(if $(steps),$(word 2,$(MAKECMDGOALS))),)
others := $(filter-out deps clean,$(MAKECMDGOALS))
.PHONY: $(MAKECMDGOALS)
$(firstword $(MAKECMDGOALS)):
	+@$(foreach step,$(steps),$(MAKE) --no-print-directory $(step) &&) \
		$(if $(others),$(MAKE) --no-print-directory $(others),:)
$(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS)): $(firstword $(MAKECMDGOALS))
	@:

else

ifdef DEBUG
BUILD ?= build/debug
else
BUILD ?= build
endif
# The way to the sources may have spaces in it; the names that make itself handles may not.
ifneq ($(words $(BUILD)),1)
$(error BUILD="$(BUILD)" has to be one name without spaces)
endif

include tools/build/compiler.mk
include tools/build/kernel.mk
include tools/build/programs.mk
include tools/build/tests.mk
include tools/build/mutants.mk

.PHONY: help doctor all iso run test test-model test-bochs check-format debug gdb
.PHONY: gdb-record bench bench-growth experiments docs pictures clean toolchain
all: $(BUILD)/kernel.elf $(BUILD)/system.cpio $(BUILD)/compile_commands.json

help:
	@echo 'Faultline: targets'
	@echo '  all           kernel, programs and initrd in $(BUILD)/ (the default)'
	@echo '  deps          install what building and testing need (root or sudo)'
	@echo '  doctor        say what is missing and how to get it'
	@echo '  run           boot in QEMU, take the guided tour, then a shell; Ctrl-A x leaves.'
	@echo '                WITH="/usr/bin/vmstat ..." brings programs of this machine along'
	@echo '  iso           $(BUILD)/faultline.iso, for BIOS and UEFI'
	@echo '  test          every test; TESTS="file ..." for some of them'
	@echo '  test-model    only the models in tests/model, of what several CPUs do at once'
	@echo '  test-preload  Linux programs on our malloc for minutes: python3, sqlite3, make, redis'
	@echo '  test-bochs    some of the tests in Bochs, which keeps translations as hardware does'
	@echo '  fuzz-malloc   malloc under libFuzzer, beginning with the corpus of the tests; SECONDS=n;'
	@echo '                fuzz-pools: the pools'
	@echo '  fuzz-mmap     the mmap family at random beside Linux; SEEDS=first-last STEPS=n'
	@echo '  soak          programs with threads RUNS=100 times each on 2 and 4 CPUs: more than an hour'
	@echo '  check-format  whether the C code is formatted as .clang-format says'
	@echo '  debug         boot in QEMU, stopped at the first instruction, waiting for gdb'
	@echo '  gdb           in a second terminal: gdb attached to it'
	@echo '  gdb-record    record a run of PROGRAM and open gdb on it, to step backwards too'
	@echo '                (default /bin/cow; AGAIN=1: the run that was recorded last)'
	@echo '  bench         guest instructions per memory operation, beside Linux (LINUX=0: not);'
	@echo '                CHECK=1 fails when a goal is missed'
	@echo '  bench-malloc  malloc beside those of glibc, musl, jemalloc, mimalloc and tcmalloc'
	@echo '  bench-growth  the same by number of VMAs and touched memory: $(BUILD)/bench/growth.*'
	@echo '  experiments   the notes'"'"' experiments, as plots and CSV: $(BUILD)/experiments/*.svg;'
	@echo '                ONLY="name ..." for some of them'
	@echo '  pictures      renew docs/pictures: physical memory while a program forks and writes'
	@echo '  docs          renew the output and the pictures that docs/ shows'
	@echo '  toolchain     build x86_64-elf-gcc from source packages (optional, ten minutes)'
	@echo '  clean         empty $(BUILD)/ but for toolchain/ and linux/'
	@echo 'Variables: V=1 DEBUG=1 LLVM=1 BUILD=dir'
	@echo 'Your own program: tools/run PROGRAM [ARG...]   (tools/run --help)'

deps:
	@tools/deps

doctor:
	@tools/doctor

# The terminal belongs to the program that runs: neither make's -j nor its output gets between.
run: $(BUILD)/kernel.elf $(BUILD)/system.cpio
	@echo '  the kernel logs to $(BUILD)/run.log'
	@tools/run --kernel $(BUILD)/kernel.elf --initrd $(BUILD)/system.cpio \
		--log $(BUILD)/run.log $(addprefix --with ,$(WITH)) --init /bin/init

debug: $(BUILD)/kernel.elf $(BUILD)/initrd.cpio
	@echo '  stopped at reset; now `make gdb` in another terminal (Ctrl-A x leaves)'
	@tools/run --gdb --kernel $(BUILD)/kernel.elf --initrd $(BUILD)/initrd.cpio \
		$(or $(PROGRAM),/bin/tour)

gdb: $(BUILD)/kernel.elf
	@FAULTLINE_BUILD=$(BUILD) $(if $(PROGRAM),FAULTLINE_PROGRAM='$(PROGRAM)') \
		gdb -q -x tools/gdb/faultline.gdb $(BUILD)/kernel.elf

gdb-record: $(BUILD)/kernel.elf $(BUILD)/initrd.cpio
	@tools/replay --build $(BUILD) $(if $(AGAIN),--again) $(PROGRAM)

bench: $(BUILD)/kernel.elf $(BENCH_PROGRAMS)
	@tools/bench --build $(BUILD) $(if $(LINUX),--linux $(LINUX)) $(if $(CHECK),--check)

bench-malloc: $(BUILD)/kernel.elf $(MALLOC_BENCH_PROGRAMS) $(BUILD)/libfaultline-malloc.so
	@tools/bench-malloc --build $(BUILD) $(if $(CHECK),--check)

bench-growth: $(BUILD)/kernel.elf $(BENCH_PROGRAMS)
	@tools/growth --build $(BUILD)

experiments: $(BUILD)/kernel.elf $(BUILD)/system.cpio
	@tools/experiments --build $(BUILD) $(ONLY)

docs: all
	@tools/experiments --build $(BUILD) --pictures docs/pictures
	@tools/docs --build $(BUILD) *.md docs/*.md docs/ko/*.md

pictures: $(BUILD)/kernel.elf $(BUILD)/initrd.cpio
	@tools/pictures $(BUILD)

check-format:
	@echo '  CHECK   format of all C files'
	@clang-format --dry-run -Werror $(shell find boot kernel mm lib user tests -name '*.[ch]')

toolchain:
	@tools/toolchain

# What took long to make or to fetch stays: the compiler, and the Linux that bench compares with.
clean:
	@test ! -d $(BUILD) || find $(BUILD) -mindepth 1 -maxdepth 1 \
		! -name toolchain ! -name linux -exec rm -rf {} +
	@rm -f compile_commands.json

endif
