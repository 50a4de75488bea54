// SPDX-License-Identifier: MIT
//
// Looking at memory and processes: see view.h.
#include "user/memmap/view.h"

bool view_start(struct view *view, const struct choice *choice)
{
	for (size_t i = 0; i < SPACES_SHOWN; i++)
		if (!space_start(&view->space[i]))
			return false;
	if (!memory_start(&view->memory))
		return false;
	view_look(view, choice); // the kernel now has what it takes to be asked
	return true;
}

void view_look(struct view *view, const struct choice *choice)
{
	pid_t pids[SPACES_SHOWN];
	size_t found = 0;

	if (choice->head)
		found = space_family(choice->head, pids, SPACES_SHOWN);
	else if (choice->process)
		found = space_find(choice->process, pids, SPACES_SHOWN);
	view->right = memory_read(&view->memory) && memory_check(&view->memory);
	view->spaces = 0;
	for (size_t i = 0; i < found; i++)
		if (space_read(&view->space[view->spaces], pids[i], &view->memory))
			view->spaces++;
}
