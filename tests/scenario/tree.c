// SPDX-License-Identifier: MIT
//
// tree DIRECTORY PATH...: what each path below the directory is: for tests/scenario/initrd.t,
// which runs it on Linux too.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void contents(const char *path)
{
	unsigned char buffer[5000];
	unsigned long sum = 0, total = 0;
	int fd = open(path, O_RDONLY);
	ssize_t got;

	if (fd < 0) {
		printf("  open: %s\n", strerror(errno));
		return;
	}
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < got; i++, total++)
			sum = sum * 31 + buffer[i];
	printf("  %lu bytes, sum %lx%s\n", total, sum, got < 0 ? ", then an error" : "");
	close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void entries(const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, NULL, by_name);

	for (int i = 0; i < count; i++)
		printf("  %s %d\n", names[i]->d_name, names[i]->d_type);
}

static void show(const char *path)
{
	struct stat link, status;
	char target[5000];
	ssize_t length;

	printf("%s\n", path);
	if (lstat(path, &link) < 0)
		printf("  lstat: %s\n", strerror(errno));
	else
		printf("  mode %o, %u links, %lu s\n", link.st_mode,
		       S_ISDIR(link.st_mode) ? 0 : (unsigned)link.st_nlink,
		       (unsigned long)link.st_mtime);
	length = readlink(path, target, sizeof(target) - 1);
	if (length > 0)
		printf("  -> %.*s\n", (int)length, target);
	if (stat(path, &status) < 0)
		printf("  stat: %s\n", strerror(errno));
	else if (S_ISDIR(status.st_mode))
		entries(path);
	else
		printf("  size %lu, device %lx\n", (unsigned long)status.st_size,
		       (unsigned long)status.st_rdev);
	if (stat(path, &status) < 0 || S_ISREG(status.st_mode))
		contents(path);
}

// Whether all of them are one file.
static void same(char **paths, int count)
{
	struct stat first, other;

	for (int i = 0; i < count; i++)
		if (strncmp(paths[i], "hard", 4) == 0 && stat("hard/one", &first) == 0 &&
		    stat(paths[i], &other) == 0)
			printf("%s: %d\n", paths[i], first.st_ino == other.st_ino);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0)
		return 1;
	for (int i = 2; i < argc; i++)
		show(argv[i]);
	same(argv + 2, argc - 2);
	return 0;
}
