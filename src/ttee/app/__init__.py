# SPDX-License-Identifier: Apache-2.0
"""Apps: from a folder with `ttee.toml` to a bundle with a measurement (docs/spec/app.md)."""
