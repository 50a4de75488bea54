// SPDX-License-Identifier: MIT
//
// Signal handlers of ring 3: the frame that Linux's x86-64 ABI puts on the stack for them (struct
// rt_sigframe: return address, ucontext, siginfo, and the FPU state above), and the way back from
// it (rt_sigreturn).
//
// Whatever a frame holds when it comes back is believed only where it can do no harm: the system's
// flags stay as they are, the FPU state is cleaned, and what IRET would refuse in ring 0 (a code
// or stack selector that is not ring 3's, a rip that is no address) is never tried: it gets the
// signal that ring 3 would get for it. Left out: 32-bit code.
#include "kernel/machine/fpu.h"
#include "kernel/machine/user_copy.h"
#include "kernel/process/lifetime.h"
#include "kernel/process/signal_action.h"
#include "lib/mutant.h"
#include "lib/string.h"
#include <asm/processor-flags.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <linux/errno.h>
#include <linux/signal.h>

#define RED_ZONE 128 // below rsp, the ABI's leaf functions keep data there

struct frame {
	uint64_t return_address; // the C library's restorer: rt_sigreturn
	struct ucontext context;
	siginfo_t info;
};

// The flags a program may set itself.
#define USER_FLAGS                                                                       \
	(X86_EFLAGS_AC | X86_EFLAGS_OF | X86_EFLAGS_DF | X86_EFLAGS_TF | X86_EFLAGS_SF | \
	 X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF | X86_EFLAGS_CF | X86_EFLAGS_RF)

static bool on_signal_stack(const struct task *task, uintptr_t sp)
{
	return sp > task->signal_stack && sp - task->signal_stack <= task->signal_stack_size;
}

// A stack that is disarmed while its handler runs is never in use.
static bool uses_signal_stack(const struct task *task, uintptr_t sp)
{
	return !(task->signal_stack_flags & SS_AUTODISARM) && on_signal_stack(task, sp);
}

int signal_stack_state(const struct task *task)
{
	int armed = task->signal_stack_flags & (int)SS_AUTODISARM;

	if (!task->signal_stack_size)
		return SS_DISABLE | armed;
	return (uses_signal_stack(task, task_registers(task)->rsp) ? SS_ONSTACK : 0) | armed;
}

int signal_stack_set(struct task *task, uintptr_t start, uint64_t size, int flags)
{
	int mode = flags & ~(int)SS_AUTODISARM;

	if (uses_signal_stack(task, task_registers(task)->rsp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode != SS_DISABLE && size < MINSIGSTKSZ)
		return -ENOMEM;
	task->signal_stack = mode == SS_DISABLE ? 0 : start;
	task->signal_stack_size = mode == SS_DISABLE ? 0 : size;
	task->signal_stack_flags = flags;
	return 0;
}

static bool changes_stack(const struct task *task, uintptr_t sp, uint64_t action_flags)
{
	return action_flags & SA_ONSTACK && !MUTANT(signal_stack_unused) &&
	       task->signal_stack_size && !uses_signal_stack(task, sp - RED_ZONE);
}

// The end of what FXSAVE would write, where a program finds that there is more, and XSAVE's
// header.
struct fpu_tail {
	struct _fpx_sw_bytes software;
	uint64_t header[8];
};

static void fill_tail(struct fpu_tail *tail)
{
	*tail = (struct fpu_tail){0};
	if (fpu_state_size <= sizeof(struct _fpstate_64))
		return;
	tail->software.magic1 = FP_XSTATE_MAGIC1;
	tail->software.extended_size = (uint32_t)fpu_state_size + FP_XSTATE_MAGIC2_SIZE;
	tail->software.xfeatures = fpu_features();
	tail->software.xstate_size = (uint32_t)fpu_state_size;
}

static int save_legacy(struct task *task, uintptr_t address)
{
	fpu_save(task->fpu);
	return copy_to_user(address, task->fpu, offsetof(struct _fpstate_64, sw_reserved));
}

// Saves the FPU state at `address`; the task goes on with it.
static int push_fpu(struct task *task, uintptr_t address)
{
	const bool extended = fpu_state_size > sizeof(struct _fpstate_64);
	uint32_t magic = FP_XSTATE_MAGIC2;
	struct fpu_tail tail;
	int error;

	fill_tail(&tail);
	error = copy_to_user(address + offsetof(struct _fpstate_64, sw_reserved), &tail,
			     extended ? sizeof(tail) : sizeof(tail.software));
	if (!error)
		error = extended ? user_fpu_save(address) : save_legacy(task, address);
	if (!error && extended)
		error = copy_to_user(address + fpu_state_size, &magic, sizeof(magic));
	return error;
}

// Into zeros.
static void fill_context(struct sigcontext *to, const struct registers *from, uint64_t mask)
{
	const struct task *task = current_task();

	to->r8 = from->r8;
	to->r9 = from->r9;
	to->r10 = from->r10;
	to->r11 = from->r11;
	to->r12 = from->r12;
	to->r13 = from->r13;
	to->r14 = from->r14;
	to->r15 = from->r15;
	to->rdi = from->rdi;
	to->rsi = from->rsi;
	to->rbp = from->rbp;
	to->rbx = from->rbx;
	to->rdx = from->rdx;
	to->rax = from->rax;
	to->rcx = from->rcx;
	to->rsp = from->rsp;
	to->rip = from->rip;
	to->eflags = from->rflags;
	to->cs = (uint16_t)from->cs;
	to->ss = (uint16_t)from->ss;
	to->trapno = task->trap_number;
	to->err = task->trap_error;
	to->oldmask = mask;
	to->cr2 = task->fault_address;
	if (!task->refused.cs)
		return;
	to->rip = task->refused.rip;
	to->cs = task->refused.cs;
	to->ss = task->refused.ss;
}

_Static_assert(offsetof(struct signal_info, pid) == offsetof(siginfo_t, si_pid) &&
		       offsetof(struct signal_info, value) == offsetof(siginfo_t, si_value) &&
		       offsetof(struct signal_info, user_time) == offsetof(siginfo_t, si_utime),
	       "laid out like siginfo_t");

static void fill_info(siginfo_t *to, const struct signal_info *from)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, sizeof(*from));
}

int signal_info_to_user(uintptr_t to, const struct signal_info *from)
{
	siginfo_t info;

	fill_info(&info, from);
	return copy_to_user(to, &info, sizeof(info));
}

static void fill_frame(struct frame *frame, const struct registers *registers,
		       const struct signal_info *info, const struct signal_action *action,
		       uint64_t mask)
{
	const struct task *task = current_task();
	struct ucontext *context = &frame->context;

	memset(frame, 0, sizeof(*frame));
	frame->return_address = action->restorer;
	context->uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	if (fpu_state_size > sizeof(struct _fpstate_64))
		context->uc_flags |= UC_FP_XSTATE;
	context->uc_stack.ss_sp = (void *)task->signal_stack;
	context->uc_stack.ss_size = task->signal_stack_size;
	context->uc_stack.ss_flags =
		task->signal_stack_size ? task->signal_stack_flags : SS_DISABLE;
	memcpy(&context->uc_sigmask, &mask, sizeof(mask));
	fill_context(&context->uc_mcontext, registers, mask);
	memcpy(&frame->info, info, sizeof(*info));
}

static void enter_handler(struct registers *registers, uintptr_t frame, int signal,
			  uint64_t handler)
{
	registers->rdi = (uint64_t)signal;
	registers->rsi = frame + offsetof(struct frame, info);
	registers->rdx = frame + offsetof(struct frame, context);
	registers->rax = 0;
	registers->rip = handler;
	registers->rsp = frame;
	registers->rflags &= ~(uint64_t)(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
}

bool signal_frame_push(struct registers *registers, const struct signal_info *info,
		       const struct signal_action *action, uint64_t mask)
{
	struct task *task = current_task();
	const bool changes = changes_stack(task, registers->rsp, action->flags);
	const bool bounded = changes || uses_signal_stack(task, registers->rsp);
	uintptr_t sp =
		changes ? task->signal_stack + task->signal_stack_size : registers->rsp - RED_ZONE;
	uintptr_t fpu = (sp - fpu_state_size - FP_XSTATE_MAGIC2_SIZE) & ~63ul;
	// The ABI wants rsp + 8 to be a multiple of 16 where a function begins.
	uintptr_t address = ((fpu - sizeof(struct frame)) & ~15ul) - 8;
	struct frame frame;

	if (action->handler >= USER_END || !(action->flags & SA_RESTORER) || address > sp)
		return false;
	// What lies below a signal stack is somebody else's.
	if (bounded && !on_signal_stack(task, address))
		return false;
	fill_frame(&frame, registers, info, action, mask);
	frame.context.uc_mcontext.fpstate = (void *)fpu;
	if (push_fpu(task, fpu) || copy_to_user(address, &frame, sizeof(frame)))
		return false;
	// Not before: who has no room for the frame gets SIGSEGV, whose frame is to have it.
	fpu_reset();
	if (task->signal_stack_flags & SS_AUTODISARM)
		(void)signal_stack_set(task, 0, 0, SS_DISABLE);
	task->refused.cs = 0;
	enter_handler(registers, address, info->signal, action->handler);
	return true;
}

// strict: the stack's selector counts as it is; who does not know that frames have one (they had
// none once) gets the usual one.
static void restore_context(struct registers *to, const struct sigcontext *from, bool strict)
{
	*to = (struct registers){
		.r8 = from->r8,
		.r9 = from->r9,
		.r10 = from->r10,
		.r11 = from->r11,
		.r12 = from->r12,
		.r13 = from->r13,
		.r14 = from->r14,
		.r15 = from->r15,
		.rdi = from->rdi,
		.rsi = from->rsi,
		.rbp = from->rbp,
		.rbx = from->rbx,
		.rdx = from->rdx,
		.rax = from->rax,
		.rcx = from->rcx,
		.rsp = from->rsp,
		.rip = from->rip,
		.cs = from->cs | 3,
		.ss = strict ? from->ss | 3u : SELECTOR_USER_DATA,
		.rflags = (from->eflags & USER_FLAGS) | (to->rflags & ~(uint64_t)USER_FLAGS),
		.orig_rax = ~0ul,
	};
}

// What IRET would refuse becomes the fault that ring 3 gets for it; the frame of the next handler
// shows it. Until then nothing depends on that signal's being delivered, which another thread may
// still prevent: the task itself goes to where nothing is ever mapped.
static void refuse_bad(struct task *task, struct registers *registers)
{
	const bool code = registers->cs != SELECTOR_USER_CODE;
	const bool stack = registers->ss != SELECTOR_USER_DATA;

	if (!code && !stack && (int64_t)(registers->rip << 16) >> 16 == (int64_t)registers->rip)
		return;
	registers->orig_rax = (code ? registers->cs : stack ? registers->ss : 0) & ~3ul;
	task->refused = (struct refused_return){
		.rip = registers->rip,
		.cs = (uint16_t)registers->cs,
		.ss = (uint16_t)registers->ss,
	};
	registers->rip = USER_END;
	registers->cs = SELECTOR_USER_CODE;
	registers->ss = SELECTOR_USER_DATA;
	if (!fault_signal(registers, SIGSEGV, SI_KERNEL, 0))
		fault_log(registers, SIGSEGV, 0, "rt_sigreturn to where no program runs");
}

// A state that the processor does not take as it is, made one that it does. It goes into
// task->fpu, which is the task's while it runs: no memory is needed, so that a return from a
// handler can not fail for want of it. A switch to another task on the way, while a page of the
// frame is being read from a file, writes there too: then it is done again.
static bool restore_mended(struct task *task, uintptr_t address)
{
	uint32_t switches;
	int error = 0;

	do {
		switches = task->switches;
		error = copy_from_user(task->fpu, address, fpu_state_size);
	} while (!error && switches != task->switches);
	// Also what came of half a copy: the next switch saves over it, but not over all of it.
	fpu_sanitize(task->fpu);
	if (!error)
		fpu_restore(task->fpu);
	return !error;
}

static bool restore_fpu(struct task *task, uintptr_t address)
{
	if (!address || MUTANT(handler_fpu_lost)) {
		fpu_reset();
		return true;
	}
	return user_fpu_restore(address) == 0 || restore_mended(task, address);
}

bool signal_frame_pop(struct registers *registers)
{
	// The handler's return has popped the return address.
	uintptr_t address = registers->rsp - 8;
	struct task *task = current_task();
	struct ucontext context;
	uint64_t mask;

	if (copy_from_user(&context, address + offsetof(struct frame, context), sizeof(context)))
		return false;
	if (!restore_fpu(task, (uintptr_t)context.uc_mcontext.fpstate))
		return false;
	// Arms again what was disarmed for the handler. While the handler is on its stack, or when
	// the frame holds nonsense, nothing changes: as on Linux that is no error.
	(void)signal_stack_set(task, (uintptr_t)context.uc_stack.ss_sp, context.uc_stack.ss_size,
			       context.uc_stack.ss_flags);
	restore_context(registers, &context.uc_mcontext, context.uc_flags & UC_STRICT_RESTORE_SS);
	memcpy(&mask, &context.uc_sigmask, sizeof(mask));
	if (!MUTANT(handler_mask_stays))
		signal_mask_set(mask);
	task->restart.function = NULL;
	cpu_set_work(WORK_FULL_RETURN);
	return true;
}

long signal_return(struct registers *registers)
{
	if (!signal_frame_pop(registers)) {
		if (!fault_signal(registers, SIGSEGV, SI_KERNEL, registers->rsp))
			fault_log(registers, SIGSEGV, registers->rsp,
				  "rt_sigreturn without a signal frame");
		return 0;
	}
	refuse_bad(current_task(), registers);
	return (long)registers->rax;
}
