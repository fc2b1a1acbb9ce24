# SPDX-License-Identifier: Apache-2.0
"""A strict reader of WebAssembly modules (Core Specification 2.0, chapter 5, "Binary Format").

It takes what the compiler of every TEE takes: the MVP with sign extension, saturating conversion, mutable
globals, multi-value and bulk memory; one memory, one table. It reads each byte once, whatever the bytes are.
Structure, indices and features are checked here; types of operands by the compiler that runs the module.
"""

from ttee.app.wasm.module import Export, FunctionType, Import, Kind, Memory, Module, read_module

__all__ = ["Export", "FunctionType", "Import", "Kind", "Memory", "Module", "read_module"]
