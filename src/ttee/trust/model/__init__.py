# SPDX-License-Identifier: Apache-2.0
"""From a deployment and what is known to rules."""
