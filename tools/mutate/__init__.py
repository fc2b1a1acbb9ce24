# SPDX-License-Identifier: Apache-2.0
"""`make mutate`: every check of every verifier is removed, negated and moved by one, and some test must notice."""
