# SPDX-License-Identifier: Apache-2.0
"""What is known of TEEs, attacks and parties: the data, their types, and how they are read."""
