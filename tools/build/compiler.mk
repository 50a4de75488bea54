# SPDX-License-Identifier: MIT
#
# Which tools compile, and with which flags. Chosen in this order: x86_64-elf-gcc when there is
# one (also in build/toolchain, where `make toolchain` puts it), else x86_64-linux-gnu-gcc, which
# is the name of the native compiler on Debian amd64 and of the cross compiler on arm64.

ifdef LLVM
# LLVM=1 takes `clang`, LLVM=-14 takes `clang-14`.
llvm_suffix := $(filter -%,$(LLVM))
CC := clang$(llvm_suffix) --target=x86_64-elf
LD := ld.lld$(llvm_suffix)
found = $(shell command -v $(1) 2>/dev/null)
NM := $(firstword $(call found,llvm-nm$(llvm_suffix)) nm)
AR := $(firstword $(call found,llvm-ar$(llvm_suffix)) ar)
OBJCOPY := $(firstword $(call found,llvm-objcopy$(llvm_suffix)) objcopy)
READELF := $(firstword $(call found,llvm-readelf$(llvm_suffix)) readelf)
else
ifndef CROSS
CROSS := $(firstword $(foreach c,build/toolchain/bin/x86_64-elf- x86_64-elf-,\
	$(if $(shell command -v $(c)gcc 2>/dev/null),$(c))) x86_64-linux-gnu-)
endif
CC := $(CROSS)gcc
LD := $(CROSS)ld
NM := $(CROSS)nm
AR := $(CROSS)ar
OBJCOPY := $(CROSS)objcopy
READELF := $(CROSS)readelf
# Otherwise a loop in memcpy's own body becomes a call of memcpy. Clang has no such option and
# does not need it: -ffreestanding is enough there.
gcc_flags := -fno-tree-loop-distribute-patterns
endif
NASM := nasm
# Not empty where programs for x86-64 run: what is tested outside of QEMU needs that.
native := $(filter x86_64,$(shell uname -m))
HOST_CC := $(firstword $(shell command -v gcc cc 2>/dev/null) gcc)

defines := $(if $(DEBUG),-DCONFIG_DEBUG)
warnings := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wvla
# Only these header directories, so that neither compiler quietly reads the system's C library.
freestanding := -std=gnu11 -O2 -g -ffreestanding $(warnings) $(gcc_flags) -fno-pic -fno-pie \
	-fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables -fno-common \
	-nostdinc -isystem $(BUILD)/compiler-include -isystem $(BUILD)/compiler-fixed

# No SSE and no red zone: an interrupt may come at any instruction and saves neither. No libgcc
# for the same reason, so 128-bit division (__udivti3 and its like) does not link.
KERNEL_CFLAGS := $(freestanding) -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-omit-frame-pointer -isystem $(BUILD)/include -I. $(defines) \
	$(if $(DEBUG),-DLOCK_CHECKS)
KERNEL_LDFLAGS := -m elf_x86_64 -nostdlib -static -z max-page-size=4096 -z noexecstack

# Ring 3 may use what it likes of the processor.
USER_CFLAGS := $(freestanding) -fno-omit-frame-pointer -ftls-model=local-exec \
	-Ilib/libc/include -isystem $(BUILD)/include -I. $(defines)
USER_LDFLAGS := -m elf_x86_64 -nostdlib -static -z max-page-size=4096 -z noexecstack \
	-z separate-code --gc-sections

ifdef V
quiet :=
else
quiet := @
endif
# $(call say,CC,file)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(strip $(2))')

differ = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))

# $(call stamp,file,text): a file that changes exactly when the text does. What depends on it is
# remade when a flag, a compiler's version or a list of objects changes, and never otherwise.
# It has to be forced only when the text is another one, so `make -n` and `make -q` tell the truth.
define stamp
$(1): $(if $(call differ,$(strip $(2)),$(strip $(file <$(1)))),FORCE)
	@mkdir -p $$(@D)
	@printf '%s\n' '$(strip $(2))' >$$@
endef
.PHONY: FORCE
FORCE:

compiler_version := $(shell $(CC) -dumpfullversion -dumpversion 2>/dev/null)
$(eval $(call stamp,$(BUILD)/flags/kernel,$(CC) $(compiler_version) $(KERNEL_CFLAGS)))
$(eval $(call stamp,$(BUILD)/flags/user,$(CC) $(compiler_version) $(USER_CFLAGS)))

# The kernel's ABI headers come from the system's linux-libc-dev; staged, because its directory
# also holds the C library's headers, which must not be found.
abi_roots := /usr/include /usr/x86_64-linux-gnu/include
staged := $(BUILD)/include/.staged
$(staged): $(BUILD)/flags/kernel
	@command -v $(firstword $(CC)) >/dev/null && command -v $(NASM) >/dev/null || { \
		echo '$(firstword $(CC)) or $(NASM) is not installed: run `make deps`' >&2; exit 1; }
	@rm -rf $(BUILD)/include && mkdir -p $(BUILD)/include
	@for root in $(abi_roots); do \
		for asm in $$root/x86_64-linux-gnu/asm $$root/asm; do \
			test -e $$asm/unistd_64.h || continue; \
			ln -sfn $$root/linux $(BUILD)/include/linux; \
			ln -sfn $$root/asm-generic $(BUILD)/include/asm-generic; \
			ln -sfn $$asm $(BUILD)/include/asm; \
		done; \
	done; \
	test -e $(BUILD)/include/asm/unistd_64.h || { \
		echo 'linux-libc-dev for x86-64 is not installed: run `make deps`' >&2; exit 1; }
	@ln -sfn "$$($(CC) -print-file-name=include)" $(BUILD)/compiler-include
	@# GCC's own limits.h, where Debian did not move it to the others.
	@rm -rf $(BUILD)/compiler-fixed && mkdir -p $(BUILD)/compiler-fixed
	@limits=$$($(CC) -print-file-name=include-fixed)/limits.h; \
		test ! -e "$$limits" || ln -s "$$limits" $(BUILD)/compiler-fixed/
	@touch $@
