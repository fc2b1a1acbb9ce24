/* SPDX-License-Identifier: Apache-2.0
 * What an app may ask of its TEE (docs/spec/app-abi.md, Imports). */
#pragma once
#include "app.h"
#include "config.h"

extern const struct app_services services;

/* `scratch` takes EVIDENCE_LARGEST bytes and is free while the app runs. */
void services_setup(const struct config *config, u8 *scratch);
