# SPDX-License-Identifier: Apache-2.0
"""Where the firmware's sources are: inside the installed package, or in the checkout it runs from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ttee
from ttee.errors import TeeUnavailableError


@cache
def firmware_sources() -> Path:
    """The folder `firmware/`. Raises TeeUnavailableError when this installation has none."""
    package = Path(ttee.__file__).resolve().parent
    for folder in (package / "firmware", package.parent.parent / "firmware"):
        if (folder / "monitor" / "monitor.ld").is_file():
            return folder
    raise TeeUnavailableError(
        "the firmware's sources are not part of this installation",
        where=str(package / "firmware"),
        hint="install the wheel or an editable checkout: pip install 'ttee[riscv]'",
    )
