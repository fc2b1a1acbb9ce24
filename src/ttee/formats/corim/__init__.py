# SPDX-License-Identifier: Apache-2.0
"""CoRIM: reference values and keys, as makers of devices write them down and sign them (docs/spec/corim.md).

    corim = parse(data)                    # signed or not, or a CoMID alone; nothing is verified
    corim.check(at, signer=key)            # its signature and validity, or an error by name
    drafts = convert([corim], "arm-cca")   # policies, by the profile of that TEE

Source: draft-ietf-rats-corim; the profiles are those of Arm (CCA, PSA) and AMD (SEV-SNP).
"""

from __future__ import annotations

from ttee.formats.corim.envelope import Corim, looks_like_one, parse
from ttee.formats.corim.profiles import TEES, convert, tee_of

__all__ = ["TEES", "Corim", "convert", "looks_like_one", "parse", "tee_of"]
