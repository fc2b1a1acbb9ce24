# SPDX-License-Identifier: Apache-2.0
"""Strict readers and canonical writers, one file each: what they accept has exactly one encoding.

Every reader takes `what` (the name of the thing, for messages), bounds on size and depth, and `error`, the
class to raise: hostile bytes never raise anything else.
"""
