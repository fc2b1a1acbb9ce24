# SPDX-License-Identifier: Apache-2.0
"""TEEs, whose they are, and what they are combined to."""
