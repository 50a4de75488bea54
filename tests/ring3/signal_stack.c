// SPDX-License-Identifier: MIT
//
// Stacks for signal handlers: sigaltstack's errors and states, what a frame records of the stack
// and what comes back from it, stacks that are too small, and handlers that leave by siglongjmp.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "tests/ring3/tap.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif
#define SIZE (64 * 1024)

static char *area;
static volatile sig_atomic_t count;
static stack_t inside, recorded;
static volatile uintptr_t at;
static sigjmp_buf out;

// As the kernel has it: musl looks at some of the arguments itself.
static long alternate(const stack_t *new, stack_t *old)
{
	return syscall(SYS_sigaltstack, new, old);
}

static void handler(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *user = context;

	(void)signal, (void)info;
	count++;
	at = (uintptr_t)__builtin_frame_address(0);
	recorded = user->uc_stack;
	alternate(NULL, &inside);
}

static void leaves(int signal, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	count++;
	siglongjmp(out, signal);
}

static void catch (int signal, void (*function)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO | flags};

	sigaction(signal, &action, NULL);
	count = 0;
}

static long set(void *start, size_t size, int flags)
{
	stack_t new = {.ss_sp = start, .ss_size = size, .ss_flags = flags};

	return alternate(&new, NULL);
}

static void print_stack(const char *name, const stack_t *stack)
{
	printf("# %s: flags %x, size %zu, %s\n", name, (unsigned)stack->ss_flags, stack->ss_size,
	       stack->ss_sp == area ? "ours"
	       : stack->ss_sp       ? "another"
				    : "none");
	fflush(stdout);
}

static void print_now(const char *name)
{
	stack_t now;

	alternate(NULL, &now);
	print_stack(name, &now);
}

static void errors(void)
{
	print_now("at the start");
	show("unknown flags", set(area, SIZE, 8));
	show("both flags", set(area, SIZE, SS_ONSTACK | SS_DISABLE));
	show("all flags", set(area, SIZE, -1));
	show("too small", set(area, 1024, 0));
	show("too small but off", set(area, 1024, SS_DISABLE));
	show("from nowhere", alternate((stack_t *)8, NULL));
	show("to nowhere", alternate(NULL, (stack_t *)8));
	show("SS_ONSTACK is no more than allowed", set(area, SIZE, SS_ONSTACK));
	print_now("SS_ONSTACK");
	show("plain", set(area, SIZE, 0));
	print_now("plain");
}

static void on_it(void)
{
	catch (SIGUSR1, handler, SA_ONSTACK);
	set(area, SIZE, 0);
	raise(SIGUSR1);
	check(count == 1 && at >= (uintptr_t)area && at < (uintptr_t)area + SIZE,
	      "the handler runs on the stack");
	print_stack("inside", &inside);
	print_stack("recorded", &recorded);
	catch (SIGUSR1, handler, 0);
	raise(SIGUSR1);
	check(at < (uintptr_t)area || at >= (uintptr_t)area + SIZE, "not without SA_ONSTACK");
	print_stack("inside", &inside);
}

static void disarmed(void)
{
	catch (SIGUSR1, handler, SA_ONSTACK);
	show("SS_AUTODISARM", set(area, SIZE, (int)SS_AUTODISARM));
	print_now("before");
	raise(SIGUSR1);
	check(at >= (uintptr_t)area && at < (uintptr_t)area + SIZE, "runs on it");
	print_stack("inside", &inside);
	print_stack("recorded", &recorded);
	print_now("after");
	show("off again", set(NULL, 0, SS_DISABLE));
}

static void busy(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
	show("changed while in use", set(area, SIZE / 2, 0));
	show("switched off while in use", set(NULL, 0, SS_DISABLE));
	show("asked for while in use", alternate(NULL, &inside));
}

// What the handler writes into the frame's stack comes into force at its return.
static void edits(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)signal, (void)info;
	user->uc_stack.ss_size = SIZE / 2;
}

static void in_use(void)
{
	set(area, SIZE, 0);
	catch (SIGUSR1, busy, SA_ONSTACK);
	raise(SIGUSR1);
	catch (SIGUSR1, edits, SA_ONSTACK);
	raise(SIGUSR1);
	print_now("after a handler has changed the frame");
}

__attribute__((noinline)) static int deep(int depth)
{
	volatile char space[4096];

	space[0] = (char)depth;
	return depth > 100000 ? 0 : deep(depth + 1) + space[0];
}

static void overflow(void)
{
	set(area, SIZE, 0);
	catch (SIGSEGV, leaves, SA_ONSTACK);
	if (!sigsetjmp(out, 1))
		deep(0);
	check(count == 1, "a stack that is full is told of on another one");
	if (!sigsetjmp(out, 1))
		deep(0);
	check(count == 2, "and again");
}

// There is no stack for the handler: SIGSEGV instead, whose handler has one.
static int no_stack(void)
{
	catch (SIGUSR1, handler, 0);
	catch (SIGSEGV, leaves, SA_ONSTACK);
	set(area, SIZE, 0);
	if (!sigsetjmp(out, 1)) {
		pid_t self = getpid();
		long result;

		__asm__ volatile("movq %%rsp, %%rbx; movq $64, %%rsp; syscall; movq %%rbx, %%rsp"
				 : "=a"(result)
				 : "a"(SYS_kill), "D"(self), "S"(SIGUSR1)
				 : "rbx", "rcx", "r11", "memory");
	}
	return count;
}

static int no_stack_at_all(void)
{
	catch (SIGSEGV, handler, 0);
	set(NULL, 0, SS_DISABLE);
	__asm__ volatile(
		"movq $64, %%rsp; movl %0, %%edi; movl $11, %%esi; movl $62, %%eax; syscall"
		:
		: "r"(getpid())
		: "memory");
	return 0;
}

static void dives(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
	raise(SIGUSR2);
}

// Frames on a signal stack never reach below it: the one that does not fit becomes SIGSEGV.
static int nested(void)
{
	catch (SIGUSR1, dives, SA_ONSTACK);
	catch (SIGUSR2, dives, SA_NODEFER); // from itself, for ever
	signal(SIGSEGV, SIG_DFL);
	set(area, SIZE, 0);
	raise(SIGUSR1);
	return 0;
}

static void *saved; // where the last frame had the FPU's state

static void mends(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *user = context;

	(void)info;
	count += signal;
	saved = user->uc_mcontext.fpregs;
	mprotect(area, SIZE, PROT_READ | PROT_WRITE);
}

// A register of the FPU, around a SIGUSR1 that comes between two instructions.
static bool keeps(uint64_t value)
{
	long number = SYS_kill;
	uint64_t after;

	__asm__ volatile("movq %2, %%xmm7\n\t"
			 "syscall\n\t"
			 "movq %%xmm7, %1"
			 : "+a"(number), "=&r"(after)
			 : "r"(value), "D"((long)getpid()), "S"((long)SIGUSR1)
			 : "rcx", "r11", "xmm7", "memory");
	return after == value;
}

// A frame that can not be written becomes SIGSEGV, and SIGSEGV's frame has the FPU's state all the
// same, whether the other one failed at that state or below it.
static void read_only(void)
{
	char *state;

	catch (SIGUSR1, mends, SA_ONSTACK);
	set(area, SIZE, 0);
	check(keeps(0x1122334455667788) && count == SIGUSR1, "its state outlives a handler");
	set(area, SIZE - (uintptr_t)saved % PAGE, 0); // now that state begins with a page
	check(keeps(3) && (uintptr_t)saved % PAGE == 0, "a state that begins with a page");
	state = saved;
	catch (SIGSEGV, mends, 0);
	mprotect(area, SIZE, PROT_READ);
	check(keeps(5) && count == SIGSEGV, "no room for the FPU's state");
	count = 0;
	mprotect(state - PAGE, PAGE, PROT_READ);
	check(keeps(7) && count == SIGSEGV, "room for that only");
}

int main(void)
{
	area = mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area += PAGE;
	errors();
	on_it();
	disarmed();
	in_use();
	set(area, SIZE, 0);
	overflow();
	show("SIGUSR1's handler without a stack: SIGSEGV's run", in_child(no_stack) >> 8);
	show_status("SIGSEGV's handler without a stack", in_child(no_stack_at_all));
	show_status("handlers upon handlers", in_child(nested));
	read_only();
	return tap_end();
}
