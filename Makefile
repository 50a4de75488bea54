# First form, to be deepened: builds build/kernel.elf.
BUILD := build
CC := x86_64-linux-gnu-gcc
LD := x86_64-linux-gnu-ld
CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone \
 -mgeneral-regs-only -fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-stack-protector \
 -nostdinc -isystem $(shell $(CC) -print-file-name=include) -isystem $(BUILD)/include -I. -MMD -MP
SOURCES := $(wildcard boot/*.c boot/*.asm kernel/*.c kernel/*.asm kernel/*/*.c kernel/*/*.asm mm/*.c lib/*.c)
OBJECTS := $(SOURCES:%=$(BUILD)/kernel/%.o)
all: $(BUILD)/kernel.elf
$(BUILD)/kernel.elf: $(OBJECTS) linker.ld
	$(LD) -m elf_x86_64 -nostdlib -static -z max-page-size=4096 -z noexecstack -T linker.ld -o $@ $(OBJECTS)
$(BUILD)/include:
	mkdir -p $@ && ln -sfn /usr/include/linux $@/linux && ln -sfn /usr/include/asm-generic $@/asm-generic && ln -sfn /usr/include/x86_64-linux-gnu/asm $@/asm
$(BUILD)/kernel/%.c.o: %.c | $(BUILD)/include
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<
$(BUILD)/kernel/%.asm.o: %.asm
	@mkdir -p $(@D)
	nasm -f elf64 -o $@ $<
-include $(OBJECTS:.o=.d)
