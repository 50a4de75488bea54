// SPDX-License-Identifier: MIT
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) \
	((condition) ? (void)0 : assertion_failed(#condition, __FILE__, __LINE__))
#endif

#ifndef FAULTLINE_ASSERT_H
#define FAULTLINE_ASSERT_H
_Noreturn void assertion_failed(const char *condition, const char *file, int line);
#define static_assert _Static_assert
#endif
