# SPDX-License-Identifier: Apache-2.0
"""From authentic claims to the statement that ends a verdict, and the goals of policies."""
