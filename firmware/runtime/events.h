/* SPDX-License-Identifier: Apache-2.0
 * The runtime registers and the log behind them (docs/spec/report-data.md). */
#pragma once
#include "base.h"
#include "cbor.h"
#include "monitor.h"

enum { REGISTERS = 4, EVENT_NAME = 64, EVENT_PAYLOAD = 1024, LOG_EVENTS = 256, LOG_SIZE = 65536 };

enum event_result { EVENT_DONE, EVENT_NOT_ALLOWED, EVENT_LOG_FULL };

void events_setup(void);

/* Extends a register by an event. The name is UTF-8 of 1 to EVENT_NAME bytes. */
enum event_result event_extend(u32 index, struct span name, struct span payload);

const u8 *register_value(u32 index);

/* The log as a CBOR array of [register, name, payload]; as a byte string inside of another map. */
void events_put(struct cbor *w);
