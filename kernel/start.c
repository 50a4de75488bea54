// SPDX-License-Identifier: MIT
//
// kernel_main: from the loader's information to the first program. The order matters: each step
// uses what the ones before it set up.
#include "kernel/boot_info.h"
#include "kernel/driver/framebuffer.h"
#include "kernel/driver/log.h"
#include "kernel/driver/serial.h"
#include "kernel/driver/trace_channel.h"
#include "kernel/file/epoll.h"
#include "kernel/file/files.h"
#include "kernel/file/initrd.h"
#include "kernel/file/pipe.h"
#include "kernel/file/place.h"
#include "kernel/file/tty.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/cpu_start.h"
#include "kernel/machine/fault_watch.h"
#include "kernel/machine/features.h"
#include "kernel/machine/fpu.h"
#include "kernel/machine/interrupt.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/secondary.h"
#include "kernel/machine/timer.h"
#include "kernel/options.h"
#include "kernel/process/process.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/trace_select.h"
#include "kernel/syscall/syscall.h"
#include "lib/string.h"
#include "mm/failure.h"
#include "mm/kernel_map.h"
#include "mm/start.h"
#include "mm/trace.h"

// tests/ring0/ring0.c, in build/kernel-test.elf only.
__attribute__((weak)) _Noreturn void ring0_test_main(const char *name);

static void log_boot_info(void)
{
	log_line("faultline: booted by %s%s%s, command line: %s", boot_info.protocol,
		 boot_info.loader[0] ? " from " : "", boot_info.loader, boot_info.command_line);
	if (boot_info.ranges_dropped)
		log_line("%zu ranges of the memory map did not fit and are not used",
			 boot_info.ranges_dropped);
	if (boot_info.modules_dropped)
		log_line("%zu modules ignored", boot_info.modules_dropped);
}

// The initrd: what the loader brought, all of it (some loaders bring several archives).
static void start_files(void)
{
	const void *archive = NULL;
	size_t size = 0;

	if (boot_info.module_count > 0) {
		archive = phys_to_virt(boot_info.modules[0].start);
		size = boot_info.modules[0].end - boot_info.modules[0].start;
	}
	if (file_start() || files_start() || place_start() || pipe_start())
		panic("no memory for the caches of files");
	epoll_start();
	framebuffer_start();
	if (initrd_start(archive, size))
		panic("out of memory while reading the initrd");
	if (tty_start())
		panic("out of memory for the console");
}

static void apply_options(void)
{
	if (options.audit)
		fault_watch |= FAULT_WATCH_AUDIT;
	failure_arm(options.fail_nth);
	syscall_watch_start();
}

// Before the first program, so that its beginning is in it. To the host where that listens, else
// for the file.
static void start_trace(void)
{
	bool channel = trace_channel_open();
	int error;

	if (!options.trace)
		return;
	trace_select(options.trace_pid, strlen(options.trace_pid));
	if (channel) {
		error = trace_stream(options.trace_events);
	} else {
		trace_choose(options.trace_events);
		error = trace_start(0);
	}
	if (error)
		log_line("trace: no memory for its buffer");
}

// On a stack with a guard page.
static void start_on_own_stack(void)
{
	if (!cpu_make_stacks(this_cpu()))
		panic("no memory for the exception stacks");
	fpu_start();
	interrupt_start();
	timer_start();
	scheduler_init_cpu();
	secondary_start_all();
	log_line("memory: %zu KiB given back after starting", mm_free_boot_memory() * 4);
	start_trace();
	if (options.test[0]) {
		if (!ring0_test_main)
			panic("test=%s: this kernel has no tests in it", options.test);
		ring0_test_main(options.test);
	}
	start_files();
	process_start_init(apply_options);
	scheduler_run();
}

static _Noreturn void call_on_stack(uintptr_t top, void (*function)(void))
{
	__asm__ volatile("movq %0, %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "pushq $0\n\t" // the return address of nobody
			 "jmpq *%1"
			 :
			 : "r"(top), "r"(function)
			 : "memory");
	__builtin_unreachable();
}

void kernel_main(void)
{
	struct mm_features mm_features = {.giant_pages = features.giant_pages, .nx = true};
	void *stack;

	serial_init();
	log_boot_info();
	options_parse(boot_info.command_line);
	features_log();
	mm_start(boot_info.ranges, boot_info.range_count, mm_features);
	stack = kernel_stack_alloc();
	if (!stack)
		panic("no memory for the first kernel stack");
	call_on_stack((uintptr_t)stack + KERNEL_STACK_SIZE, start_on_own_stack);
}
