// SPDX-License-Identifier: MIT
//
// Marks: moments at which whoever runs the machine takes a picture of its screen.
#pragma once

// Names the moment in the log; with the boot option `snapshots` the machine then stands still
// until the host lets it go on.
void snapshot_mark(const char *name);
