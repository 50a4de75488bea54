// SPDX-License-Identifier: MIT
//
// The program that bench.c executes: what remains is the cost of fork, exec, the C library's
// start and exit.

int main(void)
{
	return 0;
}
