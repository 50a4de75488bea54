// SPDX-License-Identifier: MIT
//
// How the debug allocator begins: with the first block that a program wants, or before main.
#include "lib/libc/malloc_debug.h"
#include "lib/libc/malloc_environment.h"

void malloc_debug_start(void)
{
	static bool started; // under the lock
	const char *words;
	bool watch = false;

	debug_lock();
	if (!started) {
		words = malloc_environment("MALLOC_DEBUG=");
		if (words)
			debug_read_options(words);
		if (debug_options.on)
			debug_watch_faults();
		watch = debug_options.watch;
		started = true;
	}
	debug_unlock();
	if (watch)
		debug_start_watch();
}
