# SPDX-License-Identifier: Apache-2.0
"""The host lies in the pages that it shares with an enclave, and with requests that pass through its hands.

The attacker carries every message. He lies about lengths, changes a request while it is read, replays old
ones, alters them, seals to other keys, and hopes that the runtime believes something that it looked at
twice. The runtime reads each field once, copies a request before it looks at it
(firmware/runtime/shared.c), and opens nothing that was altered or seen (firmware/runtime/channel.c).
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.app.wat import ECHO, module
from tests.attacks.gdb import Debugger
from tests.attacks.hands import DEVICE_SECRET
from tests.tee.riscv.apps import NONCE, Running, running
from ttee.channel.sealed import BLOCK, PendingReply, ReplyStatus, seal_request
from ttee.codec import cbor
from ttee.errors import ChannelError, KeysUsedUpError, ReplayedError, TeeError
from ttee.tee.riscv.config import sealed_request_size
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.mailbox import SbiError
from ttee.tee.riscv.runtime import Operation, Status

OPERATION, STATUS, LENGTH, PRINTED, RING, DATA = 8, 12, 16, 24, 4096, 8192
TOP = 1 << 64


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, DEVICE_SECRET, gdb=True) as machine:
        yield machine


@pytest.fixture(scope="module")
def app(machine: Machine) -> Iterator[Running]:
    with running(machine, module(ECHO), name="victim") as app:
        yield app


def sealed(app: Running, payload: bytes) -> tuple[bytes, PendingReply]:
    return seal_request(app.statement().channel_key, app.bundle.measurement, payload)


def raw(app: Running, operation: int, length: int, data: bytes = b"") -> tuple[int, int]:
    """What the host writes there, whatever it is: the runtime's status and the length of its answer."""
    utm = app.enclave.handle.utm
    utm[DATA : DATA + len(data)] = data
    struct.pack_into("<IIQ", utm, OPERATION, operation, 0xEE, length)
    assert app.enclave.handle.resume().error == SbiError.EDGE_CALL
    status, answered = struct.unpack_from("<IQ", utm, STATUS)
    return status, answered


def still_serves(app: Running) -> None:
    assert app.ask(b"and now?").payload == b"and now?"


@pytest.mark.parametrize("operation", [0, 4, 10, 255, 1 << 31, (1 << 32) - 1])
def test_unknown_operations_are_refused(app: Running, operation: int) -> None:
    assert raw(app, operation, 16, NONCE) == (Status.UNKNOWN_OPERATION, 0)
    still_serves(app)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize(
    "length", [1 << 17, 1 << 20, 1 << 31, 1 << 32, (1 << 32) + 16, 1 << 63, TOP - 1, TOP - 8192]
)
def test_lengths_that_lie_are_refused(app: Running, operation: Operation, length: int) -> None:
    """A length that is cut to 32 bits, or added to an address, would look small."""
    assert raw(app, operation, length) == (Status.TOO_LARGE, 0)
    still_serves(app)


def test_a_request_that_fits_the_pages_but_not_the_enclaves_buffer_is_refused(
    machine: Machine, app: Running
) -> None:
    """Copied all the same, it would overwrite what lies behind the buffer: the runtime's own memory."""
    record = app.enclave.handle.record
    room, buffer = record.utm_size - DATA, sealed_request_size(app.bundle.limits)
    assert buffer < room
    for length in (buffer + 1, buffer + 4096, room):
        for operation in Operation:
            assert raw(app, operation, length, b"overflow" * (length // 8)) == (Status.TOO_LARGE, 0)
    assert b"overflowoverflow" not in machine.read(record.epm, record.epm_size)
    assert raw(app, Operation.ECHO, buffer, bytes(buffer)) == (Status.OK, buffer)
    still_serves(app)


@pytest.mark.parametrize("length", [0, 1, 15, 65, 4096])
def test_a_nonce_of_another_size_is_refused(app: Running, length: int) -> None:
    assert raw(app, Operation.ATTEST, length, bytes(length)) == (Status.MALFORMED, 0)


@pytest.mark.parametrize("length", [0, 1, 31, 47, 48, 49, 303, 304, 305])
def test_messages_too_short_to_be_one_cannot_be_opened(app: Running, length: int) -> None:
    assert raw(app, Operation.CALL, length, bytes(length)) == (Status.CANNOT_OPEN, 0)
    still_serves(app)


def test_what_the_runtime_counts_it_does_not_read_back(app: Running) -> None:
    """The host rewrites everything in the shared pages that the runtime wrote, its counters too."""
    utm = app.enclave.handle.utm
    kept = bytes(utm[:8])
    utm[:DATA] = b"\xff" * DATA
    still_serves(app)
    utm[:DATA] = bytes(DATA)
    still_serves(app)
    utm[:8] = kept


def test_every_bit_of_a_sealed_request_counts(app: Running) -> None:
    """One flipped bit in each byte of the message: key share, ciphertext, tag. None opens, each answered
    alike.
    """
    message, pending = sealed(app, b"one euro")
    for at in range(len(message)):
        altered = bytearray(message)
        altered[at] ^= 1 << at % 8
        with pytest.raises(ChannelError):
            app.enclave.call(bytes(altered))
    assert pending.open(app.enclave.call(message)).payload == b"one euro"  # none of them spoiled the real one


def test_the_other_form_of_the_same_key_share_does_not_open(app: Running) -> None:
    """X25519 ignores the top bit of a point, so that enc and enc' agree on the secret. HPKE hashes enc as
    it is.
    """
    message, _ = sealed(app, b"again")
    app.enclave.call(message)
    twin = bytearray(message)
    twin[31] ^= 0x80
    with pytest.raises(ChannelError):
        app.enclave.call(bytes(twin))


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_a_key_share_of_small_order_is_refused(app: Running, point: bytes) -> None:
    """With it, the shared secret would be zero, which anybody knows."""
    message, _ = sealed(app, b"hello")
    with pytest.raises(ChannelError):
        app.enclave.call(point + message[32:])


def test_cut_and_lengthened_requests_do_not_open(app: Running) -> None:
    message, _ = sealed(app, bytes(1000))
    for altered in (
        message[:-1],
        message[:-BLOCK],
        message + b"\0",
        message + bytes(BLOCK),
        message[1:],
        message * 2,
    ):
        with pytest.raises(ChannelError):
            app.enclave.call(altered)


def test_a_request_sealed_to_another_app_or_key_does_not_open(app: Running) -> None:
    key = app.statement().channel_key
    with pytest.raises(ChannelError):
        app.enclave.call(seal_request(key, bytes(48), b"for another app")[0])
    stranger = X25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ChannelError):
        app.enclave.call(seal_request(stranger, app.bundle.measurement, b"to another key")[0])


def test_a_request_is_let_in_once(app: Running) -> None:
    """He records a payment and sends it again: at once, later, between others."""
    message, pending = sealed(app, b"pay one euro")
    reply = app.enclave.call(message)
    assert pending.open(reply).payload == b"pay one euro"
    for _ in range(2):
        with pytest.raises(ReplayedError):
            app.enclave.call(message)
        still_serves(app)


def test_a_reply_answers_its_own_request_and_no_other(app: Running) -> None:
    """He gives one client the reply to another's request, or to an older one of his."""
    first, first_pending = sealed(app, b"yes?")
    second, second_pending = sealed(app, b"no?")
    first_reply, second_reply = app.enclave.call(first), app.enclave.call(second)
    for pending, wrong in ((first_pending, second_reply), (second_pending, first_reply)):
        with pytest.raises(ChannelError):
            pending.open(wrong)
    assert first_pending.open(first_reply).payload == b"yes?"


def test_every_bit_of_a_reply_counts(app: Running) -> None:
    message, pending = sealed(app, b"hello")
    reply = app.enclave.call(message)
    for at in range(len(reply)):
        altered = bytearray(reply)
        altered[at] ^= 1 << at % 8
        with pytest.raises(ChannelError):
            pending.open(bytes(altered))


def test_what_was_sealed_before_a_restart_is_worthless_after_it(machine: Machine) -> None:
    """A new instance of the same app has a new key; so nothing recorded earlier opens."""
    with running(machine, module(ECHO), name="victim") as earlier:
        message, _ = sealed(earlier, b"recorded")
        old_key = earlier.statement().channel_key
    with running(machine, module(ECHO), name="victim") as later:
        assert later.statement().channel_key != old_key
        assert later.bundle.measurement == earlier.bundle.measurement
        with pytest.raises(ChannelError):
            later.enclave.call(message)


@pytest.mark.slow
def test_a_key_serves_4096_requests_and_nothing_from_before_opens_after_them(machine: Machine) -> None:
    """Were the table of what was seen to wrap around, the oldest requests could be replayed."""
    with running(machine, module(ECHO)) as app:
        first, _ = sealed(app, b"the first")
        key = app.statement().channel_key
        app.enclave.call(first)
        for _ in range(4095):
            app.enclave.call(seal_request(key, app.bundle.measurement, b"")[0])
        with pytest.raises(KeysUsedUpError):
            app.enclave.call(seal_request(key, app.bundle.measurement, b"")[0])
        with pytest.raises(ChannelError):
            app.enclave.call(first)
        assert app.statement().channel_key != key
        still_serves(app)


def watched(machine: Machine, app: Running, offset: int, message: bytes, then: Callable[[int], None]) -> None:
    """Handle one request, and call `then` with a running number whenever the enclave has read the byte at `offset`."""
    address = app.enclave.handle.record.utm + offset
    done = threading.Thread(target=lambda: raw(app, Operation.CALL, len(message), message))
    with Debugger(machine) as port:
        port.watch_reads(address, 1)
        done.start()
        reads = 0
        while port.runs_into_something(done):
            port.unwatch_reads(address, 1)
            port.step()  # over the load
            port.watch_reads(address, 1)
            reads += 1
            then(reads)
        port.unwatch_reads(address, 1)
    done.join()


@pytest.mark.parametrize("offset", [OPERATION, OPERATION + 3, LENGTH, LENGTH + 7])
def test_what_decides_is_read_once(machine: Machine, app: Running, offset: int) -> None:
    """A second look could see something else: a length that was checked, and then grew. The debug port counts."""
    message, _ = sealed(app, b"looked at once")
    looks: list[int] = []
    watched(machine, app, offset, message, looks.append)
    assert looks == [1]


def test_once_a_request_is_copied_the_host_may_write_what_it_likes(machine: Machine, app: Running) -> None:
    """At the very instruction that has read a request's last byte for the last time, he overwrites everything."""
    message, pending = sealed(app, b"what the client said")
    last = DATA + len(message) - 1
    looks: list[int] = []
    watched(machine, app, last, message, looks.append)

    message, pending = sealed(app, b"what the client said")
    utm = app.enclave.handle.utm

    def overwrite(look: int) -> None:
        if look == len(looks):
            utm[OPERATION:PRINTED] = b"\xff" * (PRINTED - OPERATION)
            utm[DATA : DATA + len(message)] = bytes(len(message))

    watched(machine, app, last, message, overwrite)
    status, length = struct.unpack_from("<IQ", utm, STATUS)
    assert status == Status.OK
    assert pending.open(bytes(utm[DATA : DATA + length])).payload == b"what the client said"


def test_a_request_that_changes_while_it_is_read_is_one_of_the_two_or_none(app: Running) -> None:
    """He writes one request over another, over and over, while the runtime copies. A mixture does not open."""
    key = app.statement().channel_key
    utm = app.enclave.handle.utm
    outcomes = set()
    for _ in range(30):
        pairs = [seal_request(key, app.bundle.measurement, payload) for payload in (b"A" * 900, b"B" * 900)]
        stop = threading.Event()
        messages = [message for message, _ in pairs]

        def flip(stop: threading.Event = stop, messages: list[bytes] = messages) -> None:
            while not stop.is_set():
                for message in messages:
                    utm[DATA : DATA + len(message)] = message

        attacker = threading.Thread(target=flip)
        attacker.start()
        try:
            struct.pack_into("<IIQ", utm, OPERATION, Operation.CALL, 0, len(messages[0]))
            assert app.enclave.handle.resume().error == SbiError.EDGE_CALL
        finally:
            stop.set()
            attacker.join()
        (status,) = struct.unpack_from("<I", utm, STATUS)
        assert status in (Status.OK, Status.CANNOT_OPEN)
        outcomes.add(status)
    assert outcomes
    still_serves(app)


@pytest.mark.parametrize("claimed", [1 << 40, TOP - 1, 1 << 18])
def test_a_length_that_grows_while_a_request_is_handled_is_not_believed(app: Running, claimed: int) -> None:
    utm = app.enclave.handle.utm
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            struct.pack_into("<Q", utm, LENGTH, claimed)
            struct.pack_into("<Q", utm, LENGTH, 16)

    attacker = threading.Thread(target=grow)
    attacker.start()
    try:
        for _ in range(40):
            struct.pack_into("<II", utm, OPERATION, Operation.ECHO, 0)
            assert app.enclave.handle.resume().error == SbiError.EDGE_CALL
            assert struct.unpack_from("<I", utm, STATUS)[0] in (Status.OK, Status.TOO_LARGE)
    finally:
        stop.set()
        attacker.join()
    still_serves(app)


# ---- The other way round: the enclave is evil, and Python reads what it wrote ----


@pytest.mark.parametrize("length", [1 << 20, 1 << 40, TOP - 1])
def test_python_does_not_believe_an_enclaves_length(app: Running, length: int) -> None:
    """An evil runtime says that its answer is longer than the pages."""
    enclave, utm = app.enclave, app.enclave.handle.utm
    resume = enclave.handle.resume

    def lie(*, timeout: float = 10.0) -> object:
        result = resume(timeout=timeout)
        struct.pack_into("<IQ", utm, STATUS, Status.OK, length)
        return result

    enclave.handle.resume = lie  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(TeeError, match="do not fit"):
            enclave.echo(b"hello")
    finally:
        enclave.handle.resume = resume  # type: ignore[method-assign]
    still_serves(app)


EVIDENCE = {
    "nothing": b"",
    "noise": b"\xff" * 100,
    "another map": cbor.dumps({"log": b"", "claims": b""}),
    "text for bytes": cbor.dumps({"log": "", "claims": b"", "report": b"", "statement": b""}),
    "a list": cbor.dumps([b"", b"", b"", b""]),
    "something behind it": cbor.dumps({"log": b"", "claims": b"", "report": b"", "statement": b""}) + b"\0",
}


@pytest.mark.parametrize("answer", EVIDENCE.values(), ids=EVIDENCE.keys())
def test_python_takes_no_nonsense_for_evidence(app: Running, answer: bytes) -> None:
    enclave, utm = app.enclave, app.enclave.handle.utm
    resume = enclave.handle.resume

    def lie(*, timeout: float = 10.0) -> object:
        result = resume(timeout=timeout)
        utm[DATA : DATA + len(answer)] = answer
        struct.pack_into("<IQ", utm, STATUS, Status.OK, len(answer))
        return result

    enclave.handle.resume = lie  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(TeeError):
            enclave.attest(NONCE)
    finally:
        enclave.handle.resume = resume  # type: ignore[method-assign]


def test_console_lines_cannot_write_to_the_operators_terminal(app: Running) -> None:
    """Escape sequences in what an evil runtime prints would move the cursor, or set the clipboard."""
    utm = app.enclave.handle.utm
    app.enclave.console()
    (printed,) = struct.unpack_from("<Q", utm, PRINTED)
    evil = b"\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b\xc2\x9b31m\xe2\x80\xae gnp.exe\n"
    for index, byte in enumerate(evil):
        utm[RING + (printed + index) % 4096] = byte
    struct.pack_into("<Q", utm, PRINTED, printed + len(evil))
    (line,) = app.enclave.console()
    assert line.isprintable()
    struct.pack_into("<Q", utm, PRINTED, printed)


def test_a_printed_counter_that_lies_costs_no_more_than_the_ring(app: Running) -> None:
    utm = app.enclave.handle.utm
    for printed in (TOP - 1, 0, 1 << 40, 5):
        struct.pack_into("<Q", utm, PRINTED, printed)
        assert sum(map(len, app.enclave.console())) <= 8192
    still_serves(app)


def test_refusals_do_not_say_why(app: Running) -> None:
    """Wrong key, wrong app, broken padding: one status, so that nobody learns by asking."""
    key = app.statement().channel_key
    wrong_app = seal_request(key, b"\x01" * 48, b"hello")[0]
    altered = bytearray(sealed(app, b"hello")[0])
    altered[-1] ^= 1
    said = set()
    for message in (wrong_app, bytes(altered), bytes(304)):
        with pytest.raises(ChannelError) as refused:
            app.enclave.call(message)
        said.add(refused.value.message)
    assert len(said) == 1
    assert app.ask(b"").status is ReplyStatus.OK
