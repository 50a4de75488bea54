// SPDX-License-Identifier: MIT
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STDIN_FILENO  0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2
#define R_OK          4
#define W_OK          2
#define X_OK          1
#define F_OK          0
#define SEEK_SET      0
#define SEEK_CUR      1
#define SEEK_END      2
#define _SC_PAGESIZE  30
#define _SC_PAGE_SIZE _SC_PAGESIZE

extern char **environ;

long syscall(long number, ...);

ssize_t read(int fd, void *buffer, size_t size);
ssize_t write(int fd, const void *buffer, size_t size);
ssize_t pread(int fd, void *buffer, size_t size, off_t offset);
ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset);
off_t lseek(int fd, off_t offset, int whence);
int close(int fd);
int pipe(int *fds); // two of them
int pipe2(int *fds, int flags);
int dup(int fd);
int dup2(int fd, int to);
int isatty(int fd);
int access(const char *path, int mode);
int unlink(const char *path);
int ftruncate(int fd, off_t length);
ssize_t readlink(const char *restrict path, char *restrict buffer, size_t size);
int chdir(const char *path);
char *getcwd(char *buffer, size_t size);

int brk(void *end);
void *sbrk(intptr_t change);

pid_t fork(void);
pid_t vfork(void) __attribute__((returns_twice));
int execve(const char *path, char *const argv[], char *const environment[]);
int execv(const char *path, char *const argv[]);
_Noreturn void _exit(int status);
pid_t getpid(void);
pid_t getppid(void);
pid_t gettid(void);
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
int pause(void);
unsigned int alarm(unsigned int seconds);
unsigned int sleep(unsigned int seconds);
int usleep(useconds_t microseconds);
long sysconf(int name);
int getpagesize(void);
