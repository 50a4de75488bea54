// SPDX-License-Identifier: MIT
//
// Bug 5: a block is used after it was freed. At first the old values are still there. Then the
// memory belongs to somebody else, who finds other values than those it has written.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account {
	char owner[32];
	long balance;
};

static struct account *open_account(const char *owner, long balance)
{
	struct account *account = malloc(sizeof(*account));

	if (!account)
		exit(1);
	strcpy(account->owner, owner);
	account->balance = balance;
	return account;
}

static void close_account(struct account *account)
{
	free(account);
}

int main(void)
{
	struct account *old = open_account("Kim", 100), *new;

	setbuf(stdout, NULL);
	close_account(old);
	printf("the closed account holds %ld\n", old->balance); // the bug
	new = open_account("Lee", 500);
	old->balance = -1; // and again
	printf("Lee has paid 500 and has %ld\n", new->balance);
	close_account(new);
	return 0;
}
