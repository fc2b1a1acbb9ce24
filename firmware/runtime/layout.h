/* SPDX-License-Identifier: Apache-2.0
 * Numbers that assembly and C share. The EPM of an enclave, from its base:
 *
 *     runtime | config page | app image | stack guard | stack | buffers | room to grow | linear memory
 *
 * Linear memory ends where the EPM ends, always (docs/decisions/0010): see memory.c. */
#pragma once

#define CONFIG_STACK_OFFSET 100
#define STACK_LARGEST 0x100000

/* Below the app's stack: one more frame of the app, and what the runtime needs to serve a call from there. */
#define STACK_GUARD 0x10000
/* Above it: the runtime's own frames that lead to the app. */
#define STACK_RUNTIME 0x4000

#define CALL_EXTENSION 0x08424b45
#define CALL_EXIT 3006
#define EXIT_VALUE_UNUSABLE 2
#define EXIT_VALUE_OUT_OF_MEMORY 3
