/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"
#include "monitor.h"
#include "relocate.h"
#include "services.h"

static u32 (*alloc)(u32);
static u64 (*handle)(u32, u32);

static const struct span trap_lines[] = {
    [TRAP_NONE] = TEXT("trap"),
    [TRAP_OUT_OF_BOUNDS] = TEXT("trap: out of bounds"),
    [TRAP_INTEGER_OVERFLOW] = TEXT("trap: integer overflow"),
    [TRAP_DIVISION_BY_ZERO] = TEXT("trap: division by zero"),
    [TRAP_INVALID_CONVERSION] = TEXT("trap: no integer for this number"),
    [TRAP_UNREACHABLE] = TEXT("trap: unreachable code"),
    [TRAP_CALL_INDIRECT] = TEXT("trap: call through a wrong type or an empty entry"),
    [TRAP_UNCAUGHT_EXCEPTION] = TEXT("trap: uncaught exception"),
    [TRAP_EXHAUSTION] = TEXT("trap: stack overflow"),
};

_Noreturn void app_trap(u32 trap) {
    if (trap >= sizeof trap_lines / sizeof *trap_lines) trap = TRAP_NONE;
    leave(EXIT_TRAP, trap_lines[trap]);
}

void app_start(struct app_image *image, u64 size, u64 stack) {
    u8 *base = (u8 *)image;
    if (memcmp(image->magic, "TTEEAPP1", 8) != 0 || image->size != size)
        leave(EXIT_UNUSABLE, TEXT("app: not an app image"));
    relocate(base, (struct relocation *)(base + image->relocations),
             (struct relocation *)(base + image->relocations_end));
    alloc = (u32(*)(u32))(base + image->alloc);
    handle = (u64(*)(u32, u32))(base + image->handle);
    /* Every function of the app compares sp with tp, which no compiled code here uses otherwise. */
    __asm__ volatile("sub tp, sp, %0" : : "r"(stack));
    ((void (*)(const struct app_services *))(base + image->instantiate))(&services);
}

u32 app_alloc(u32 size) { return alloc(size); }

u64 app_handle(u32 request, u32 length) { return handle(request, length); }
