/* SPDX-License-Identifier: Apache-2.0
 * Lines for the operator. The host reads them. */
#pragma once
#include "base.h"

enum { CONSOLE_LINE = 1024 };

/* Prints at most CONSOLE_LINE bytes as one line: control characters, newlines too, become '?'. */
void console_line(struct span line);
