/* SPDX-License-Identifier: Apache-2.0
 * Keys and blobs that outlive the enclave (docs/spec/app-abi.md, Sealed blob). */
#pragma once
#include "base.h"
#include "config.h"

enum { SEAL_HEADER = 48, SEAL_TAG = 16, SEAL_OVERHEAD = SEAL_HEADER + SEAL_TAG };

void sealing_setup(const struct config *config);

/* 32 bytes for a path: bound to the app's authority if it has one, to its measurement if not. */
void sealing_key(u8 out[32], struct span path);

/* Writes content.length + SEAL_OVERHEAD bytes, and returns that. The ranges may overlap. */
u64 sealing_seal(u8 *blob, struct span content);

/* Writes blob.length - SEAL_OVERHEAD bytes; false, and zeros, if this app did not seal the blob here. */
bool sealing_unseal(u8 *content, struct span blob);
