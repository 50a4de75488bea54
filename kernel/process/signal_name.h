// SPDX-License-Identifier: MIT
#pragma once

// "SIGSEGV" and so on; "SIGRT" for those from 32 on, "SIG?" for what is none.
const char *signal_name(int signal);
