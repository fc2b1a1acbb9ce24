# SPDX-License-Identifier: Apache-2.0
"""A synchronous client of QEMU's monitor protocol (docs/interop/qmp-spec.txt) over a connected socket.

Nothing is sent before the first command, so a machine that needs none pays nothing for it.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from ttee.errors import TeeDiedError, TeeError, TeeTimeoutError

_MOST = 1 << 20


class Qmp:
    """Commands to a QEMU process. Events that arrive between the answers are dropped."""

    def __init__(self, connection: socket.socket, *, timeout: float = 10.0) -> None:
        """`connection` is one end of a socket pair whose other end QEMU holds; `timeout` in seconds per command."""
        self._socket = connection
        self._socket.settimeout(timeout)
        self._buffer = b""
        self._ready = False

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run one command and return its result. Raises TeeError if QEMU refuses, TeeDiedError if it is gone."""
        if not self._ready:
            self._receive()  # the greeting
            self._ready = True
            self.execute("qmp_capabilities")
        message = {"execute": command, "arguments": arguments}
        try:
            self._socket.sendall(json.dumps(message).encode())
        except OSError as error:
            raise TeeDiedError(f"QEMU is gone; it cannot be asked to {command}") from error
        while True:
            answer = self._receive()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise TeeError(f"QEMU refused {command}: {answer['error'].get('desc', '')}")

    def human(self, line: str) -> str:
        """One line for QEMU's human monitor, and what it prints."""
        return str(self.execute("human-monitor-command", **{"command-line": line}))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            try:
                data = self._socket.recv(65536)
            except TimeoutError as error:
                raise TeeTimeoutError("QEMU's monitor does not answer") from error
            except OSError as error:
                raise TeeDiedError("QEMU's monitor is gone") from error
            if not data or len(self._buffer) > _MOST:
                raise TeeDiedError("QEMU closed its monitor")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        answer = json.loads(line)
        return answer if isinstance(answer, dict) else {}
