// SPDX-License-Identifier: MIT
//
// Bug 4: memory from malloc is not zero. A node of a list is made without setting its link; where
// an older list's node lay there, the link leads on into that list.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	char name[16];
	long value;
	struct node *next;
};

static struct node *make(const char *name, long value)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		exit(1);
	strcpy(node->name, name);
	node->value = value;
	return node; // the bug: node->next is not set
}

static void an_older_list(void)
{
	struct node *second = make("second", 20), *first = make("first", 10);

	second->next = NULL;
	first->next = second;
	free(second);
	free(first);
}

int main(void)
{
	struct node *list;
	long sum = 0;
	int count = 0;

	setbuf(stdout, NULL);
	an_older_list();
	list = make("alone", 1);
	for (struct node *at = list; at; at = at->next) {
		sum += at->value;
		count++;
	}
	printf("a list of one node with the value 1: %d nodes, sum %ld\n", count, sum);
	free(list);
	return 0;
}
