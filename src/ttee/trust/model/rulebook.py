# SPDX-License-Identifier: Apache-2.0
"""What each kind of rule says, for those who want to contest one (docs/spec/trust.md, sections 5 and 6)."""

from __future__ import annotations

from collections.abc import Mapping

SPEC = "docs/spec/trust.md"

RULES: Mapping[str, tuple[str, str]] = {
    "S1": (
        "Equal plaintexts show",
        "Memory that is encrypted deterministically, or not at all, and has no freshness, gives equal "
        "ciphertext for equal plaintext at one address. Whoever reads the bus sees patterns; if the "
        "attestation key's nonces pass through that memory, the key as well.",
    ),
    "S2": (
        "Old memory can be put back",
        "Memory without freshness takes what it held before for what it holds now. Whoever writes to "
        "the bus brings back old state.",
    ),
    "S3": (
        "The maker put the key in",
        "Where the maker injects the root key, or keeps what it is derived from, the maker alone can "
        "sign evidence.",
    ),
    "S4": (
        "The operator certifies itself",
        "Where whoever runs the machine also certifies it, that party alone can present a machine that "
        "is none.",
    ),
    "S5": (
        "A pin needs a name",
        "Evidence that names no machine cannot be pinned to one, whatever the deployment says: the key "
        "of any machine of the design will do.",
    ),
    "S6": (
        "A shared core can be watched",
        "A TEE that shares its core with its host, and declares side channels out of scope, leaks "
        "patterns to the host.",
    ),
    "S7": (
        "The host's firmware sets it up",
        "Where untrusted firmware sets up what isolates, it may set it up wrongly.",
    ),
    "S8": (
        "An update can be harmful",
        "Whoever may update the firmware alone can sign firmware that gives everything away, unless a "
        "log that covers firmware would show it.",
    ),
    "attack": (
        "A published attack",
        "What an attack breaks follows from what it needs, on the machine where it is carried out. What "
        "is known of the part may speak against it; but that is the word of evidence, so it counts "
        "again once attestation is broken.",
    ),
    "fleet": (
        "One secret for all",
        "What an attack yields may be common to all machines of a design. Then it can be carried out on "
        "a machine of one's own.",
    ),
    "flaw": ("An undisclosed flaw", "Each component is taken to have a flaw that nobody has published."),
    "operator": (
        "Whoever runs it has it",
        "A party that runs a machine has what whoever runs machines has.",
    ),
    "certifier": (
        "Whoever certifies machines",
        "A certifier that turns can certify a machine that is none, and evidence of it is believed.",
    ),
    "maker": (
        "Whoever makes the chip",
        "A maker or foundry that turns builds what it wants, and nothing that the chip says of itself "
        "shows it.",
    ),
    "verifier": ("Whoever is asked", "Where a service must be asked what evidence is worth, it may lie."),
    "leaf": (
        "What follows for those who rely on it",
        "From what is broken on the device to what its users lose: forged evidence hands secrets to "
        "strangers, lets another machine answer, and so on.",
    ),
    "code": (
        "The program itself",
        "A flaw in the program, or whoever may release another one; with a log, only if enough "
        "witnesses keep silent; with release keys, only if enough of their holders sign.",
    ),
    "crypto": ("Broken cryptography", "Whoever can forge signatures can forge evidence."),
    "poc": (
        "Proof of place",
        "With a proof of cloud, forged evidence is believed only if whoever vouches for the place lies, "
        "or the machine itself is at hand.",
    ),
    "role": ("Whoever has a role", "A capability that goes with a role is had by every party in it."),
    "had": ("Somebody has it", "A capability is had where somebody has it."),
    "implies": ("One brings another", "Some capabilities bring others along, on the same machine."),
    "parent": ("Owners", "A party that turns takes along what it owns."),
    "holders": ("So many of them", "k of those who hold something together suffice."),
    "holder": (
        "A part as a holder",
        "A part that holds a key signs falsely once its keys or its integrity are gone.",
    ),
    "parts": (
        "Parts together",
        "How many parts must be broken before the whole is: for `all`, `any`, `k_of`, `nest`, `split`, "
        "`replicate`.",
    ),
    "part": ("Parts", "What a channel, a log, a counter or encryption adds to what is inside it."),
    "once": (
        "Counters",
        "Two quorums of counters have 2k - n members in common, and those must have gone back.",
    ),
    "leak": ("A key leaks", "A TLS key or an ephemeral leaks by itself, or with what it is kept in."),
    "channel": (
        "The attested channel",
        "A bounded attacker on the network (Dolev-Yao) against TLS with evidence bound to it: what it "
        "takes to be at the end of the channel, for each binding and with or without a pin.",
    ),
    "debug": ("Debug mode", "In debug mode the host reads and writes what is inside."),
    "emulated": (
        "No chip vouches for it",
        "An emulated or simulated TEE has no chip behind it: whoever has the machine looks inside, and "
        "takes its keys.",
    ),
    "simulated": ("Nothing is signed by hardware", "Anybody can make evidence of a simulated TEE."),
}
"""Title and sentence by the id that derivations show."""
