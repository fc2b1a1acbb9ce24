# SPDX-License-Identifier: Apache-2.0
"""A sealed call to an app in the RISC-V TEE, in its parts.

    python bench/bench_channel.py

- HPKE in Python: sealing the request and opening the reply, on the client.
- Transport: an echo of the same size through shared memory and two world switches, into the enclave and back; against
  an echo of the same size over a unix socket to another process, in turn.
- In the enclave: what is left of the whole call, i.e. opening, the app, sealing, under emulation.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from figures import Figure, Goal, in_turn, show

from ttee.app.build import build
from ttee.channel.sealed import seal_request
from ttee.model import Endorsements
from ttee.tee.riscv.launch import anchors, launch
from ttee.tee.riscv.verify import verify

HELLO = Path(__file__).parent.parent / "examples" / "hello"
RUNS = 300
PAYLOAD = b"x" * 100
TRANSPORT_GOAL = 2.0


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        state = Path(place)
        bundle = build(HELLO).bundle
        with launch(bundle, state=state) as instance:
            nonce = os.urandom(32)
            claims = verify(instance.evidence(nonce), Endorsements(anchors(state)), nonce=nonce)
            key, app = claims.channel_key, claims.app
            if key is None or app is None:
                raise SystemExit("the evidence names no channel key")
            message, pending = seal_request(key, app, PAYLOAD)
            reply = instance.call(message)
            with socket_echo() as peer:

                def client() -> None:
                    seal_request(key, app, PAYLOAD)
                    pending.open(reply)

                def whole() -> None:
                    sealed, waiting = seal_request(key, app, PAYLOAD)
                    waiting.open(instance.call(sealed))

                def over_socket() -> None:
                    peer.sendall(message)
                    left = len(message)
                    while left:
                        left -= len(peer.recv(left))

                total, crypto, transport, echo = in_turn(
                    [
                        ("sealed call, whole", whole),
                        ("  HPKE in Python", client),
                        ("  transport", lambda: instance.enclave.echo(message)),
                        ("unix socket echo", over_socket),
                    ],
                    runs=RUNS,
                    warm_up=20,
                )
    inside = total.median - crypto.median - transport.median
    rest = Figure("  in the enclave (the rest)", (inside,))
    figures = [total, crypto, transport, rest, echo]
    met = show(f"a sealed call of {len(PAYLOAD)} bytes", figures, [Goal(transport, echo, TRANSPORT_GOAL)])
    print(f"  {1 / statistics.median(total.samples):,.0f} calls a second, one after the other\n")
    return 0 if met else 1


class socket_echo:  # noqa: N801 (used as a function)
    """Another process that sends back what it gets, on a unix socket."""

    def __enter__(self) -> socket.socket:
        self.ours, theirs = socket.socketpair()
        self.process = multiprocessing.get_context("fork").Process(target=_echo, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        return self.ours

    def __exit__(self, *exc: object) -> None:
        self.ours.close()
        self.process.kill()
        self.process.join()


def _echo(end: socket.socket) -> None:
    while data := end.recv(65536):
        end.sendall(data)


if __name__ == "__main__":
    sys.exit(main())
