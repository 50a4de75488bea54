// SPDX-License-Identifier: MIT
//
// What the files of exec share: arguments on their way from the old address space into the new,
// and programs on their way from a file into memory.
#pragma once

#include "kernel/process/elf.h"
#include "mm/layout.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode;
struct mm;
struct task;

// Where the stack ends. Linux leaves a random distance to the end of ring 3's addresses; programs
// that map the highest ones rely on not hitting their stack there.
#define STACK_TOP (USER_END - (4ul << 30))

#define EXEC_PATH_SIZE 4096 // PATH_MAX: with its NUL

// A frame of argument strings.
struct string_page {
	struct string_page *next;
	char bytes[PAGE_SIZE - sizeof(struct string_page *)];
};

// argv's strings and then the environment's, one after the other, each with its NUL, over a chain
// of frames. What a script's first line puts before them is kept apart, and takes the place of
// the first `skip` bytes: the script's own argv[0].
struct exec_strings {
	struct string_page *first, *last;
	size_t used; // bytes in the chain
	size_t skip;
	size_t first_size;                          // of argv[0] in the chain, with its NUL
	size_t limit;                               // of `used`: a quarter of the stack's limit
	unsigned argument_count, environment_count; // in the chain, argv[0] included
	size_t argument_bytes;                      // of `used`
	char *prefix;                               // from kmalloc; NULL: none
	size_t prefix_size;
	unsigned prefix_count;
};

// exec.c. An empty address space for a program, with its layout; NULL when out of memory.
struct mm *exec_new_space(void);
// The running task leaves the space it has, if any, and takes over the caller's reference to this.
void exec_enter_space(struct task *task, struct mm *mm);

// exec_strings.c. After an error the strings still have to be freed.
int strings_from_user(struct exec_strings *strings, uintptr_t argv, uintptr_t envp);
int strings_from_kernel(struct exec_strings *strings, const char *argv, size_t argv_size,
			const char *envp, size_t envp_size);
void strings_free(struct exec_strings *strings);

// A program found and read, not yet in memory.
struct program {
	struct inode *inode; // held
	struct elf_image image;
};

// exec_load.c
int program_open(struct program *program, const char *path);          // 0 or -errno
int program_open_inode(struct program *program, struct inode *inode); // takes over the reference
void program_close(struct program *program);
// Maps the segments, an interpreter out of the way of the program. `*bias` is what was added to
// their addresses.
int program_map(struct mm *mm, const struct program *program, bool interpreter, uint64_t *bias);
// The interpreter's path; `path` has EXEC_PATH_SIZE bytes. 0 or -ENOEXEC, -EIO, ...
int program_interpreter(const struct program *program, char *path);

// exec_script.c. Whether the file is a script: then *path is replaced by its interpreter and the
// strings are changed accordingly. 1: it is one, 0: it is not, or -errno.
int script_resolve(struct inode *inode, char *path, struct exec_strings *strings);

// exec_stack.c. What the program finds above its stack pointer.
struct exec_facts {
	const char *path; // AT_EXECFN
	const struct credentials *credentials;
	bool secure;              // AT_SECURE
	uint64_t headers_address; // AT_PHDR
	uint64_t header_count;    // AT_PHNUM
	uint64_t interpreter;     // AT_BASE
	uint64_t entry;           // AT_ENTRY: the program's own
};

// Makes the stack and fills it. The stack pointer or -errno.
long stack_build(struct mm *mm, const struct exec_strings *strings, const struct exec_facts *facts,
		 bool executable);
