# SPDX-License-Identifier: Apache-2.0
"""Keystone's report format (keystone-enclave/keystone): the home of its layout, signatures and checks."""
