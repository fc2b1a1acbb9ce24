# SPDX-License-Identifier: Apache-2.0
"""Who could still break it: rules over events, and the smallest sets of events that break a property."""
