// SPDX-License-Identifier: MIT
//
// Starting the other CPUs.
#pragma once

// Starts every CPU that boot_info lists, one after the other; each runs its idle loop from then
// on. On the first CPU, while there is nothing to run yet and the boot tables are still there. A
// CPU that does not come is named in the log and left alone.
void secondary_start_all(void);
