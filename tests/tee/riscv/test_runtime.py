# SPDX-License-Identifier: Apache-2.0
"""The enclave runtime, end to end: evidence, the sealed channel, and what it does for an app."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.app.wat import ECHO, app, module
from tests.tee.riscv.apps import NONCE, Running, bundled, running
from ttee.app.bundle import Limits
from ttee.app.compiler import compile_app
from ttee.channel.sealed import PendingReply, Reply, ReplyStatus, seal_request
from ttee.codec import cbor
from ttee.errors import (
    AppTrappedError,
    ChannelError,
    KeysUsedUpError,
    ReplayedError,
    RequestTooLargeError,
    TeeDiedError,
    TeeError,
    TeeTimeoutError,
)
from ttee.guest.registers import Event, decode_log, identity_events, replay
from ttee.guest.statement import Statement
from ttee.tee.riscv import aot
from ttee.tee.riscv.aot import MAX_FRAME
from ttee.tee.riscv.config import config_page, epm_size_for, sealed_request_size, utm_size_for
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import Machine
from ttee.tee.riscv.measure import enclave_measurement
from ttee.tee.riscv.runtime import Enclave, Operation

GUESTS = Path(__file__).parent / "guests"
SECRET = b"the secret of this device".ljust(32)


@pytest.fixture(scope="module")
def machine(firmware: Firmware) -> Iterator[Machine]:
    with Machine(firmware, SECRET) as machine:
        yield machine


@pytest.fixture(scope="module")
def probe_code() -> bytes:
    return compile_app(GUESTS, "probe.c", Limits())[0]


@pytest.fixture
def probe(machine: Machine, probe_code: bytes) -> Iterator[Running]:
    with running(machine, probe_code) as instance:
        yield instance


def sealed(instance: Running, payload: bytes, key: bytes | None = None) -> tuple[bytes, PendingReply]:
    return seal_request(key or instance.statement().channel_key, instance.bundle.measurement, payload)


def asked(instance: Running, letter: str, payload: bytes = b"") -> tuple[int, bytes]:
    """The result of an import, and the bytes that came with it."""
    reply = instance.ask(letter.encode() + payload).payload
    return struct.unpack_from("<i", reply)[0], reply[4:]


# --- evidence ---------------------------------------------------------------------------------------


def test_evidence_holds_together(probe: Running) -> None:
    """The statement carries our nonce and the app; report data and registers are what the monitor signed for."""
    parts = probe.enclave.attest(NONCE)
    statement = Statement.decode(parts["statement"])
    claims = cbor.loads(parts["claims"], what="claims", max_size=1024)
    assert isinstance(claims, dict)
    assert statement.nonce == NONCE
    assert statement.app == probe.bundle.measurement
    assert statement.user_data == b""
    assert claims["report_data"] == statement.report_data
    assert claims["registers"] == list(statement.registers)
    assert parts["report"][72:136] == hashlib.sha512(b"ttee/riscv-claims/1" + parts["claims"]).digest()
    assert parts["report"][:64] == probe.enclave.handle.measurement


def test_the_log_says_who_runs_and_replays_to_the_registers(probe: Running) -> None:
    parts = probe.enclave.attest(NONCE)
    events = decode_log(parts["log"])
    assert replay(events) == Statement.decode(parts["statement"]).registers
    config = hashlib.sha384(config_page(probe.bundle)).digest()
    assert identity_events(events) == (
        Event(0, "app", probe.bundle.measurement),
        Event(0, "config", config),
    )
    assert events[-1] == Event(0, "system-ready", b"")


@pytest.mark.parametrize("length", [0, 15, 65, 4096])
def test_a_nonce_of_another_length_is_malformed(probe: Running, length: int) -> None:
    with pytest.raises(TeeError, match="malformed"):
        probe.enclave.attest(bytes(length))


def test_the_measurement_does_not_depend_on_where_the_enclave_lies(
    machine: Machine, probe_code: bytes
) -> None:
    with running(machine, probe_code) as one, running(machine, probe_code) as other:
        assert one.enclave.handle.record.epm != other.enclave.handle.record.epm
        assert one.enclave.attest(NONCE)["report"][:64] == other.enclave.attest(NONCE)["report"][:64]
        assert one.ask(b"=both work").payload == other.ask(b"=both work").payload
        assert one.statement().channel_key != other.statement().channel_key


# --- the sealed channel -----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 219, 220, 221, 475, 476, 477, 65535])
def test_requests_of_every_size_come_back(probe: Running, length: int) -> None:
    payload = (bytes(range(256)) * 256)[:length]
    assert probe.ask(b"=" + payload) == Reply(ReplyStatus.OK, payload)


def test_the_host_never_sees_the_request_or_the_reply(probe: Running) -> None:
    secret = b"a secret that is long enough to be found"
    message, pending = sealed(probe, b"=" + secret)
    reply = probe.enclave.call(message)
    assert pending.open(reply).payload == secret
    assert secret not in message + reply + bytes(probe.enclave.handle.utm)


def test_a_request_is_answered_once(probe: Running) -> None:
    message, pending = sealed(probe, b"=once")
    assert pending.open(probe.enclave.call(message)).payload == b"once"
    with pytest.raises(ReplayedError):
        probe.enclave.call(message)


def test_every_altered_byte_is_noticed_and_the_cause_is_not_told(probe: Running) -> None:
    message, pending = sealed(probe, b"=intact")
    for at in (0, 31, 32, 60, len(message) - 16, len(message) - 1):
        altered = bytearray(message)
        altered[at] ^= 1
        with pytest.raises(ChannelError, match="altered, or sealed to another key"):
            probe.enclave.call(bytes(altered))
    for cut in (b"", message[:31], message[:48], message[:-1], message + b"\0"):
        with pytest.raises(ChannelError, match="altered, or sealed to another key"):
            probe.enclave.call(cut)
    assert pending.open(probe.enclave.call(message)).payload == b"intact"


def test_a_request_for_another_app_cannot_be_opened(probe: Running) -> None:
    message, _ = seal_request(probe.statement().channel_key, bytes(48), b"=hello")
    with pytest.raises(ChannelError):
        probe.enclave.call(message)


def test_keys_are_used_up_after_4096_requests_and_the_next_key_works(probe: Running) -> None:
    key = probe.statement().channel_key
    for _ in range(4096):
        message, _ = sealed(probe, b"=", key)
        probe.enclave.call(message)
    message, _ = sealed(probe, b"=", key)
    with pytest.raises(KeysUsedUpError):
        probe.enclave.call(message)
    assert probe.statement().channel_key != key
    with pytest.raises(ChannelError):
        probe.enclave.call(message)
    assert probe.ask(b"=again").payload == b"again"


def test_a_request_over_the_limit_is_refused_before_it_is_copied(probe: Running) -> None:
    before = bytes(probe.enclave.handle.utm)
    with pytest.raises(RequestTooLargeError):
        probe.enclave.call(bytes(sealed_request_size(probe.bundle.limits) + 1))
    assert bytes(probe.enclave.handle.utm) == before


def test_a_request_over_the_limit_within_the_padding_is_refused_by_the_enclave(machine: Machine) -> None:
    with running(machine, module(ECHO), request=100) as instance:
        assert instance.ask(bytes(100)).payload == bytes(100)
        with pytest.raises(RequestTooLargeError):
            instance.ask(bytes(101))


def test_the_host_cannot_make_the_runtime_copy_more_than_fits(probe: Running) -> None:
    """A lie about the length, past our own check: the runtime refuses, and goes on."""
    for length in (1 << 16 << 8, 1 << 63, (1 << 64) - 1):
        struct.pack_into("<IIQ", probe.enclave.handle.utm, 8, Operation.ECHO, 0, length)
        probe.enclave.handle.resume()
        assert struct.unpack_from("<IQ", probe.enclave.handle.utm, 12) == (2, 0)
    struct.pack_into("<IIQ", probe.enclave.handle.utm, 8, 99, 0, 0)
    probe.enclave.handle.resume()
    assert struct.unpack_from("<I", probe.enclave.handle.utm, 12) == (1,)
    assert probe.enclave.echo(b"well") == b"well"


def test_an_app_may_refuse(probe: Running) -> None:
    assert probe.ask(b"n") == Reply(ReplyStatus.REFUSED, b"refused by the app")
    assert probe.ask(b"b").status is ReplyStatus.REFUSED  # a reply that is larger than its limit
    assert probe.ask(b"=and goes on").payload == b"and goes on"


def test_an_app_without_room_refuses(machine: Machine) -> None:
    code = module(ECHO.replace("(i32.const 1024)", "(i32.const 0)"))
    with running(machine, code) as instance:
        assert instance.ask(b"hello") == Reply(ReplyStatus.REFUSED, b"no room for the request")


# --- what the runtime does for an app ---------------------------------------------------------------


def test_random_bytes_differ(probe: Running) -> None:
    drawn = {probe.ask(b"r").payload for _ in range(3)}
    assert len(drawn) == 3
    assert all(len(set(bytes_)) > 50 for bytes_ in drawn)


def test_log_lines_reach_the_operator_without_control_characters(probe: Running) -> None:
    probe.ask(b"l" + "zwei Zeilen\nund ein ü\x1b[31m".encode())
    probe.ask(b"l" + b"x" * 3000)
    assert probe.enclave.console() == ["zwei Zeilen?und ein ü?[31m", "x" * 1024]
    assert probe.enclave.console() == []
    for number in range(20):
        probe.ask(b"l" + b"%d " % number + b"y" * 900)
    assert probe.enclave.console()[-1].startswith("19 ")


def test_the_console_can_be_read_while_the_app_is_busy(probe: Running) -> None:
    message, _ = sealed(probe, b"!")
    with ThreadPoolExecutor(1) as other:
        busy = other.submit(probe.enclave.call, message, timeout=1.0)
        assert probe.enclave.console() == []
        assert not busy.done()
        with pytest.raises(TeeTimeoutError):
            busy.result()


def test_a_host_that_lies_about_the_console_cannot_confuse_us(probe: Running) -> None:
    utm = probe.enclave.handle.utm
    utm[4096:8192] = b"\xff\x1b[2J\n".ljust(4096, b"x")
    struct.pack_into("<Q", utm, 24, (1 << 64) - 1)
    lines = probe.enclave.console()
    assert all(line.isprintable() for line in lines)
    struct.pack_into("<Q", utm, 24, 0)
    assert len(probe.enclave.console()) <= 2


def test_extend_shows_in_register_3_and_its_log(probe: Running) -> None:
    assert asked(probe, "e", b"sold\x00to Alice") == (0, b"")
    parts = probe.enclave.attest(NONCE)
    assert decode_log(parts["log"])[-1] == Event(3, "sold", b"to Alice")
    assert replay(decode_log(parts["log"])) == Statement.decode(parts["statement"]).registers


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (b"", b""),
        (b"n" * 65, b""),
        (b"n", bytes(1025)),
        (b"\xff", b""),
        (b"\xc0\xaf", b""),
        (b"\xed\xa0\x80", b""),
    ],
)
def test_events_out_of_bounds_are_not_allowed(probe: Running, name: bytes, payload: bytes) -> None:
    assert asked(probe, "e", name + b"\0" + payload) == (-4, b"")


def test_the_log_fills_up_by_count_and_by_size(machine: Machine, probe: Running, probe_code: bytes) -> None:
    taken = [asked(probe, "e", b"n\0")[0] for _ in range(256)]
    assert taken == [0] * 253 + [-2] * 3
    with running(machine, probe_code) as other:
        results = [asked(other, "e", "ü".encode() * 32 + b"\0" + bytes(1024))[0] for _ in range(64)]
        assert results.index(-2) == 59
        assert set(results[59:]) == {-2}
        for instance in (probe, other):
            parts = instance.enclave.attest(NONCE)
            assert len(parts["log"]) <= 65536
            assert replay(decode_log(parts["log"])) == Statement.decode(parts["statement"]).registers


def test_derived_keys_depend_on_the_path_and_stay_the_same(
    machine: Machine, probe: Running, probe_code: bytes
) -> None:
    key = probe.ask(b"kwallet").payload
    assert len(key) == 32
    assert probe.ask(b"kwallet").payload == key
    assert (
        len(
            {
                key,
                probe.ask(b"k").payload,
                probe.ask(b"kwallet2").payload,
                probe.ask(b"k" + bytes(128)).payload,
            }
        )
        == 4
    )
    with running(machine, probe_code) as other:
        assert other.ask(b"kwallet").payload == key
    with running(machine, probe_code, name="other") as other:
        assert other.ask(b"kwallet").payload != key


def test_a_path_above_128_bytes_traps(probe: Running) -> None:
    with pytest.raises(AppTrappedError):
        probe.ask(b"k" + bytes(129))


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(200)), bytes(30000)])
@pytest.mark.parametrize("how", ["s", "o"])
def test_what_was_sealed_opens_again_here_and_in_a_later_run(
    machine: Machine, probe: Running, probe_code: bytes, content: bytes, how: str
) -> None:
    length, blob = asked(probe, how, content)
    assert length == len(blob) == len(content) + 64
    assert blob[:16] == b"TTEESEAL" + bytes(8)
    assert len(content) < 8 or content not in blob  # a few bytes could be there by chance
    assert asked(probe, "u", blob) == (len(content), content)
    with running(machine, probe_code) as later:
        assert asked(later, "u", blob) == (len(content), content)
    with running(machine, probe_code, svn=7) as another_app:
        assert asked(another_app, "u", blob) == (-3, b"")


def test_every_byte_of_a_sealed_blob_counts(probe: Running) -> None:
    _, blob = asked(probe, "s", b"content")
    for at in range(len(blob)):
        altered = bytearray(blob)
        altered[at] ^= 0x10
        assert asked(probe, "u", bytes(altered)) == (-3, b""), at
    for cut in (b"", blob[:63], blob[:-1], blob + b"\0"):
        assert asked(probe, "u", cut) == (-3, b"")


def test_outputs_that_are_too_small_are_told(probe: Running) -> None:
    _, blob = asked(probe, "s", b"content")
    assert asked(probe, "S", b"content") == (-1, b"")
    assert asked(probe, "U", blob) == (-1, b"")
    assert asked(probe, "P", b"user data") == (-1, b"")


def test_an_app_gets_evidence_over_its_own_data(probe: Running) -> None:
    length, evidence = asked(probe, "p", b"result: 42")
    parts = cbor.loads(evidence, what="evidence", max_size=100_000)
    assert isinstance(parts, dict)
    assert length == len(evidence)
    statement = Statement.decode(bytes(parts["statement"]))  # type: ignore[arg-type]
    assert (statement.nonce, statement.user_data) == (b"", b"result: 42")
    assert statement.channel_key == probe.statement().channel_key
    assert asked(probe, "p", bytes(65)) == (-4, b"")


@pytest.mark.parametrize("letter", ["x", "y", "z"])
def test_pointers_out_of_memory_trap(probe: Running, letter: str) -> None:
    with pytest.raises(AppTrappedError, match="out of bounds"):
        probe.ask(letter.encode())


# --- ends -------------------------------------------------------------------------------------------


def test_an_app_that_does_not_answer_is_interrupted_and_does_not_lose_the_enclave(probe: Running) -> None:
    with pytest.raises(TeeTimeoutError):
        probe.enclave.call(sealed(probe, b"!")[0], timeout=0.3)
    with pytest.raises(TeeTimeoutError):
        probe.enclave.echo(b"are you done?", timeout=0.3)


def test_serving_an_app_fits_the_guard_below_its_stack(machine: Machine, probe: Running) -> None:
    """An app may stand at its stack's limit when it asks for something, one frame of it below: the rest is guard."""
    free, pattern, guard, parked = probe.enclave.handle.record.free, b"\xa5", 0x10000, 2048
    size = guard + probe.bundle.limits.stack + 0x4000 - parked
    message, _ = sealed(probe, b"d")
    machine.write(free, pattern * size)  # below the frames of the runtime that waits for a request
    with pytest.raises(TeeTimeoutError):
        probe.enclave.call(message, timeout=0.3)
    used = parked + len(machine.read(free, size).lstrip(pattern))
    assert 1000 < used < guard - 2 * MAX_FRAME


def test_a_closed_enclave_says_so(machine: Machine, probe_code: bytes) -> None:
    with running(machine, probe_code) as instance:
        epm = instance.enclave.handle.record.epm
        instance.enclave.close()
        instance.enclave.close()
        with pytest.raises(TeeDiedError):
            instance.enclave.echo(b"")
        assert machine.read(epm, 1 << 16) == bytes(1 << 16)


def test_a_trap_leaves_no_secret_behind(machine: Machine, probe: Running) -> None:
    """Physical memory after a trap: neither linear memory nor the last request is left."""
    secret = b"this was in linear memory before the trap"
    with pytest.raises(AppTrappedError):
        probe.ask(b"x" + secret)
    record = probe.enclave.handle.record
    assert secret not in machine.read(record.epm, record.epm_size)


def test_a_request_leaves_nothing_in_the_runtimes_own_memory(machine: Machine, probe: Running) -> None:
    secret = b"only linear memory may still hold this"
    probe.ask(b"l" + secret)
    record = probe.enclave.handle.record
    memory = machine.read(record.epm, record.epm_size - probe.bundle.limits.memory)
    assert secret not in memory


# --- config and memory ------------------------------------------------------------------------------


def refused(machine: Machine, config: bytes, *, epm_size: int = 0, utm_size: int = 0) -> str:
    """What the runtime says when it cannot use a config page, or the memory it got."""
    runtime, image = aot.build_runtime(), aot.compile_app(module(ECHO))
    handle = machine.create_enclave(
        runtime,
        config,
        image,
        epm_size=epm_size or epm_size_for(Limits(), runtime, image),
        utm_size=utm_size or utm_size_for(Limits()),
    )
    try:
        with pytest.raises(TeeError) as error:
            Enclave.start(handle, Limits())
        return error.value.message
    finally:
        handle.destroy()


def with_image(machine: Machine, change: tuple[int, bytes]) -> Enclave:
    """An enclave with an app image of which some bytes were changed before it was measured."""
    runtime, image = aot.build_runtime(), bytearray(aot.compile_app(module(ECHO)))
    image[change[0] : change[0] + len(change[1])] = change[1]
    bundle = bundled(module(ECHO))
    handle = machine.create_enclave(
        runtime,
        config_page(bundle),
        bytes(image),
        epm_size=epm_size_for(bundle.limits, runtime, bytes(image)),
        utm_size=utm_size_for(bundle.limits),
    )
    try:
        return Enclave.start(handle, bundle.limits)
    except TeeError:
        handle.destroy()
        raise


@pytest.mark.parametrize("change", [(0, b"X"), (8, b"\0\x20\0\0")], ids=["magic", "size"])
def test_what_is_no_app_image_is_refused(machine: Machine, change: tuple[int, bytes]) -> None:
    with pytest.raises(TeeError, match="not an app image"):
        with_image(machine, change)


def test_code_that_is_none_ends_the_enclave_as_a_fault(machine: Machine) -> None:
    """The offset of `handle` leads to zeros, which are an illegal instruction."""
    enclave = with_image(machine, (28, struct.pack("<I", 4096 - 64)))
    running_ = Running(enclave, bundled(module(ECHO)))
    with pytest.raises(TeeDiedError, match="illegal instruction"):
        running_.ask(b"hello")
    enclave.close()


FIELDS = {
    "memory": (96, struct.pack("<I", 257)),
    "stack": (100, struct.pack("<I", 4095)),
    "request": (104, struct.pack("<I", 0)),
    "reply": (108, struct.pack("<I", 262145)),
    "name": (112, struct.pack("<I", 65)),
    "not zero behind the name": (4095, b"\1"),
}


@pytest.mark.parametrize(("what", "field"), FIELDS.items(), ids=FIELDS)
def test_a_config_page_that_breaks_the_specification_is_refused(
    machine: Machine, what: str, field: tuple[int, bytes]
) -> None:
    config = bytearray(config_page(bundled(module(ECHO))))
    config[field[0] : field[0] + len(field[1])] = field[1]
    assert f"config: {what}" in refused(machine, bytes(config))


@pytest.mark.parametrize("name", [b"-x", b"X", b"a b", b"1"])
def test_a_name_that_is_none_is_refused(machine: Machine, name: bytes) -> None:
    config = bytearray(config_page(bundled(module(ECHO))))
    config[112:180] = struct.pack("<I64s", len(name), name)
    assert "config: name" in refused(machine, bytes(config))


def test_a_stack_that_fits_no_enclave_is_refused_before_it_is_used(machine: Machine) -> None:
    config = bytearray(config_page(bundled(module(ECHO))))
    config[100:104] = b"\xff\xff\xff\xff"
    assert "cannot use what it was given" in refused(machine, bytes(config))


def test_memory_that_is_too_small_is_refused(machine: Machine) -> None:
    config = config_page(bundled(module(ECHO)))
    assert "does not fit into its memory" in refused(machine, config, epm_size=1 << 18)
    assert "does not fit into its memory" in refused(machine, config, epm_size=1 << 20)
    assert "shared pages: too small" in refused(machine, config, utm_size=1 << 14)


def test_an_app_that_starts_with_more_memory_than_its_limit_is_refused(machine: Machine) -> None:
    code = app("", memory="3 3")
    with pytest.raises(TeeError, match="does not fit"), running(machine, code, memory=2 << 16):
        pass


@pytest.mark.parametrize("limits", [Limits(65536, 4096, 1, 1), Limits(16 << 20, 1 << 20, 1 << 18, 1 << 18)])
def test_the_smallest_and_the_largest_limits_fit_what_we_reserve(machine: Machine, limits: Limits) -> None:
    code = module(ECHO.replace("1 2", "1 1").replace("(i32.const 1024)", "(i32.const 64)"))
    with running(
        machine,
        code,
        memory=limits.memory,
        stack=limits.stack,
        request=limits.request,
        reply=limits.reply,
    ) as instance:
        assert instance.ask(b"x").payload == b"x"


def test_the_measurement_is_that_of_the_three_images(machine: Machine) -> None:
    with running(machine, module(ECHO)) as instance:
        images = (aot.build_runtime(), config_page(instance.bundle), aot.compile_app(module(ECHO)))
        assert instance.enclave.attest(NONCE)["report"][:64] == enclave_measurement(*images)
