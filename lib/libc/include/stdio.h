// SPDX-License-Identifier: MIT
#pragma once

#include "../../format.h"
#include <sys/types.h>

#define EOF    (-1)
#define BUFSIZ 4096
#define _IOFBF 0 // written out when the buffer is full
#define _IOLBF 1 // at the end of each line
#define _IONBF 2 // at once

typedef struct stream FILE;
extern FILE *const stdin, *const stdout, *const stderr;
#define stdin  stdin
#define stdout stdout
#define stderr stderr

FILE *fopen(const char *path, const char *mode);
FILE *fdopen(int fd, const char *mode);
int fclose(FILE *file);
int fflush(FILE *file); // NULL: all of them
int fileno(FILE *file);
int feof(FILE *file);
int ferror(FILE *file);
void clearerr(FILE *file);
int setvbuf(FILE *file, char *buffer, int mode, size_t size); // before the first use only
void setbuf(FILE *file, char *buffer);

size_t fread(void *block, size_t size, size_t count, FILE *file);
int fgetc(FILE *file);
int getc(FILE *file);
int getchar(void);
int ungetc(int character, FILE *file);
char *fgets(char *line, int size, FILE *file);
ssize_t getline(char **line, size_t *size, FILE *file);

int scanf(const char *format, ...) __attribute__((format(scanf, 1, 2)));
int fscanf(FILE *file, const char *format, ...) __attribute__((format(scanf, 2, 3)));
int sscanf(const char *text, const char *format, ...) __attribute__((format(scanf, 2, 3)));
int vscanf(const char *format, va_list arguments) __attribute__((format(scanf, 1, 0)));
int vfscanf(FILE *file, const char *format, va_list arguments)
	__attribute__((format(scanf, 2, 0)));
int vsscanf(const char *text, const char *format, va_list arguments)
	__attribute__((format(scanf, 2, 0)));

size_t fwrite(const void *block, size_t size, size_t count, FILE *file);
int fputc(int character, FILE *file);
int putc(int character, FILE *file);
int putchar(int character);
int fputs(const char *text, FILE *file);
int puts(const char *text);
void perror(const char *prefix);

int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int dprintf(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
int sprintf(char *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
int asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int vprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
int vfprintf(FILE *file, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
int vdprintf(int fd, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
int vasprintf(char **text, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
