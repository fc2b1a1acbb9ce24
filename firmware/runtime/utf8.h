/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base.h"

/* UTF-8 as RFC 3629 has it: shortest forms, no surrogates, nothing above U+10FFFF. */
bool utf8_is_valid(struct span text);
