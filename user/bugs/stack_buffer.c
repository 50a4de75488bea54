// SPDX-License-Identifier: MIT
//
// Bug 7a: what somebody types is longer than the buffer on the stack. It first overwrites the
// variables beside it, then where the function returns to.
#include <stdio.h>
#include <string.h>

static const char typed[] = "somebody whose name is admin admin admin admin admin";

static void greet(const char *input)
{
	char role[16] = "guest", name[16];

	strcpy(name, input); // the bug
	printf("hello %.8s, your role: %.16s\n", name, role);
}

int main(void)
{
	setbuf(stdout, NULL);
	greet(typed);
	printf("and back in main\n");
	return 0;
}
