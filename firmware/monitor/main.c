/* SPDX-License-Identifier: Apache-2.0 */
/* Start: takes over from the boot ROM, shuts the doors, hands the machine to the host. */
#include "console.h"
#include "monitor.h"
#include "rom.h"
#include "string.h"

#define RAM_STEP UINT64_C(0x200000)

struct handover boot;
uint64_t ram_end;

static void take_handover(void) {
    memcpy(&boot, (const void *)SECRET_PAGE, sizeof boot);
    wipe((void *)SECRET_PAGE, PAGE);
    if (memcmp(boot.magic, HANDOVER_MAGIC, sizeof boot.magic)) halt("monitor: not started by the boot ROM");
    if (memcmp(ROM->magic, ROM_MAGIC, sizeof ROM->magic)) halt("monitor: the boot ROM lends other functions");
}

static void find_ram_end(void) {
    for (ram_end = POOL; ram_end < RAM + RAM_MOST && ram_answers(ram_end + RAM_STEP - 8);) ram_end += RAM_STEP;
}

struct context *monitor_main(void) {
    take_handover();
    find_ram_end();
    entropy_init();
    pmp_init();
    world_init();
    timer_init();
    return &host_context;
}
