// SPDX-License-Identifier: MIT
//
// Copies to and from ring 3: right bytes, and -EFAULT for every address that is not its own.
#include "kernel/machine/user_copy.h"
#include "kernel/process/task.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "tests/ring0/ring0.h"
#include <linux/errno.h>
#include <linux/mman.h>

static char buffer[2 * 4096], copy[2 * 4096];

static uintptr_t map(size_t size, int protection)
{
	ring0_user_page("", 1); // makes the address space
	return mm_mmap(current_task()->mm, 0, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, NULL,
		       0, true);
}

RING0_TEST(copies_move_every_length_and_alignment)
{
	uintptr_t page = map(sizeof(buffer), PROT_READ | PROT_WRITE);

	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = i * 7 + i / 256;
	for (size_t length = 0; length < 40; length++) {
		for (size_t offset = 0; offset < 9; offset++) {
			// Across the boundary of two pages.
			uintptr_t at = page + 4096 - 20 + offset;

			memset(copy, 0, 64);
			CHECK(copy_to_user(at, buffer + offset, length) == 0);
			CHECK(copy_from_user(copy, at, length) == 0);
			CHECK(memcmp(copy, buffer + offset, length) == 0 && copy[length] == 0);
		}
	}
	CHECK(clear_user(page + 4090, 13) == 0);
	CHECK(copy_from_user(copy, page + 4090, 13) == 0);
	for (size_t i = 0; i < 13; i++)
		CHECK(copy[i] == 0);
}

RING0_TEST(copies_fault_pages_in)
{
	uintptr_t page = map(4 * 4096, PROT_READ | PROT_WRITE);
	uint64_t faults = current_task()->mm->anon_resident;

	CHECK(copy_to_user(page + 4096, buffer, 4096) == 0);
	CHECK(current_task()->mm->anon_resident == faults + 1);
}

static void check_refused(uintptr_t address, size_t count)
{
	CHECK(copy_from_user(copy, address, count) == -EFAULT);
	CHECK(copy_to_user(address, buffer, count) == -EFAULT);
	CHECK(clear_user(address, count) == -EFAULT);
}

RING0_TEST(copies_refuse_what_is_not_ring3s)
{
	uintptr_t page = map(2 * 4096, PROT_READ | PROT_WRITE);

	mm_munmap(current_task()->mm, page + 4096, 4096);
	check_refused(0, 1);
	check_refused(page + 4090, 7);
	check_refused(page + 4096, 1);
	check_refused((uintptr_t)buffer, 8);
	check_refused(USER_END - 1, 2);
	check_refused(USER_END, 1);
	check_refused(~0ul, 1);
	check_refused(page, ~0ul);
	check_refused(page, 0ul - page + 8);
	check_refused(0x800000000000, 8); // not canonical
	check_refused(0xffff7fffffffffff, 8);
	CHECK(copy_to_user(page, buffer, 0) == 0);
}

RING0_TEST(copies_heed_protection)
{
	uintptr_t page = map(4096, PROT_READ), hidden = map(4096, PROT_NONE);

	CHECK(copy_from_user(copy, page, 16) == 0);
	CHECK(copy_to_user(page, buffer, 16) == -EFAULT);
	CHECK(copy_from_user(copy, hidden, 16) == -EFAULT);
}

RING0_TEST(strings_are_copied_and_bounded)
{
	uintptr_t page = map(2 * 4096, PROT_READ | PROT_WRITE);
	char text[8];

	mm_munmap(current_task()->mm, page + 4096, 4096);
	CHECK(copy_to_user(page, "hello", 6) == 0);
	CHECK(strncpy_from_user(text, page, sizeof(text)) == 5 && strcmp(text, "hello") == 0);
	CHECK(strncpy_from_user(text, page, 6) == 5);
	CHECK(strncpy_from_user(text, page, 5) == -ENAMETOOLONG);
	CHECK(copy_to_user(page + 4096 - 3, "abc", 3) == 0);
	CHECK(strncpy_from_user(text, page + 4096 - 3, sizeof(text)) == -EFAULT);
	CHECK(strncpy_from_user(text, page + 4096 - 3, 3) == -ENAMETOOLONG);
	CHECK(strncpy_from_user(text, USER_END, 8) == -EFAULT);
	CHECK(strncpy_from_user(text, (uintptr_t) "kernel", 8) == -EFAULT);
}
