// SPDX-License-Identifier: MIT
//
// What the compiler's stack protector calls when a function, at its end, finds that something was
// written over the number between its buffers and its return address (-fstack-protector). The
// number is in start-up's care (thread_local.c).
#include "lib/libc/debug_maps.h"
#include "lib/libc/malloc_debug.h"

_Noreturn void __stack_chk_fail(void);

// The callers' frames may be overwritten too: they are shown as far as they lead to code.
static unsigned int credible(const uintptr_t *frames, unsigned int count)
{
	struct debug_mapping mapping;
	unsigned int good = 0;

	while (good < count && debug_find_mapping(frames[good] - 1, &mapping) &&
	       mapping.executable)
		good++;
	return good;
}

_Noreturn void __stack_chk_fail(void)
{
	uintptr_t frames[DEBUG_FRAMES_MAX];
	unsigned int count = debug_walk(frames, debug_options.stacks);

	debug_lock_again();
	debug_say("STACK_PROTECTOR: stack smashing detected: the end of a stack frame was "
		  "overwritten\n");
	debug_say_frames("noticed at the end of the first of", frames, credible(frames, count));
	debug_abort();
}
