# SPDX-License-Identifier: Apache-2.0
"""Rules over events, and the smallest sets of events from which something follows. Knows nothing of TEEs."""
