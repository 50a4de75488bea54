// SPDX-License-Identifier: MIT
//
// What uname and /proc/version say. The release names the Linux whose system calls are the model:
// C libraries refuse to run on one they take for too old.
#pragma once

#define SYSTEM_NAME    "Linux"
#define SYSTEM_NODE    "faultline"
#define SYSTEM_RELEASE "6.1.0-faultline"
#define SYSTEM_VERSION "#1 Faultline"
#define SYSTEM_MACHINE "x86_64"
