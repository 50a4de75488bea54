// SPDX-License-Identifier: MIT
//
// What `experiment` is when an experiment starts it once more: one of several processes that run
// the same program.
#pragma once

#define MEMBER "--member"

// The arguments after MEMBER; the exit status.
int member(int count, char **words);
