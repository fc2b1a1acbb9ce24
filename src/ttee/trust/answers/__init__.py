# SPDX-License-Identifier: Apache-2.0
"""Questions to a model, and their answers in plain words."""
