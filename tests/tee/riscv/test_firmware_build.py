# SPDX-License-Identifier: Apache-2.0
"""Building the firmware: the same bytes everywhere, kept, and never half of it."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ttee
from ttee.errors import ExitCode, TeeError, TeeUnavailableError
from ttee.tee.riscv import toolchain
from ttee.tee.riscv.elf import flat_image
from ttee.tee.riscv.firmware import Firmware, build_firmware, cache_folder, compile_firmware
from ttee.tee.riscv.flash import DESCRIPTOR_OFFSET, FLASH_SIZE, MonitorDescriptor, flash_image, sparse_qcow2
from ttee.tee.riscv.measure import enclave_measurement, monitor_hash, padded
from ttee.tee.riscv.sources import firmware_sources


def test_the_same_sources_in_another_folder_give_the_same_bytes(firmware: Firmware, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a folder with a quite different and longer name"
    shutil.copytree(firmware_sources(), elsewhere, ignore=shutil.ignore_patterns("runtime"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert compile_firmware(elsewhere, scratch) == firmware


def test_headers_that_the_environment_names_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stdint.h").write_text("#error taken\n")
    (tmp_path / "a.c").write_text("#include <stdint.h>\nuint8_t a;\n")
    monkeypatch.setenv("CPATH", str(tmp_path))
    monkeypatch.setenv("ZIG_LIB_DIR", str(tmp_path))
    arguments = ["cc", "-target", "riscv64-freestanding-none", "-c", "a.c", "-o", "a.o"]
    toolchain.run_zig(arguments, folder=tmp_path, scratch=tmp_path)
    assert (tmp_path / "a.o").stat().st_size > 0


def test_no_path_of_the_building_machine_is_in_an_image(firmware: Firmware) -> None:
    home = str(Path.home()).encode()
    for image in (firmware.boot, firmware.monitor, firmware.host):
        assert str(firmware_sources()).encode() not in image
        assert home + b"/" not in image
        assert b".zig" not in image


def test_the_monitor_fills_whole_pages_and_is_measured_so(firmware: Firmware) -> None:
    assert len(firmware.monitor) % 4096 == 0
    assert (
        firmware.monitor_hash == monitor_hash(firmware.monitor) == hashlib.sha3_512(firmware.monitor).digest()
    )
    assert firmware.monitor[8:24] == b"TTEEIMG1" + firmware.monitor_svn.to_bytes(8, "little")


def test_the_measurement_covers_sizes_and_every_page() -> None:
    parts = (b"runtime", b"config", b"app")
    pages = [part.ljust(4096, b"\0") for part in parts]
    expected = hashlib.sha3_512(struct.pack("<3Q", 4096, 4096, 4096) + b"".join(pages)).digest()
    assert enclave_measurement(*parts) == expected
    assert enclave_measurement(pages[0] + pages[1], b"", b"app") != expected
    assert padded(b"") == b""
    assert len(padded(bytes(4097))) == 8192


def test_a_second_build_comes_from_the_cache_and_needs_no_compiler(
    firmware: Firmware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build_firmware(cache=tmp_path) == firmware
    monkeypatch.setattr(toolchain, "link", lambda *_, **__: pytest.fail("compiled again"))
    assert build_firmware(cache=tmp_path) == firmware


def test_two_builders_at_once_build_once_and_leave_no_scraps(firmware: Firmware, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(build_firmware, cache=tmp_path) for _ in range(2)]
        assert [one.result() for one in both] == [firmware, firmware]
    kept = sorted(path.name for path in (tmp_path / "firmware").iterdir())
    assert [Path(name).suffix for name in kept] == ["", ".lock"]


def test_a_changed_source_is_another_cache_entry_and_a_broken_one_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "firmware"
    shutil.copytree(firmware_sources(), folder)
    (folder / "host" / "host.c").write_text("this is not C\n")
    with pytest.raises(TeeError, match=r"(?s)compiler failed with status 1:.*host/host.c:1:1: error"):
        build_firmware(folder, cache=tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache" / "firmware").iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TeeError, match="cannot be kept") as caught:
        build_firmware(cache=tmp_path / "file")
    assert "XDG_CACHE_HOME" in str(caught.value.hint)


def test_a_cache_entry_with_a_missing_image_is_a_named_error(firmware: Firmware, tmp_path: Path) -> None:
    assert build_firmware(cache=tmp_path) == firmware
    next((tmp_path / "firmware").glob("*/host.bin")).unlink()
    with pytest.raises(TeeError, match=r"cannot be kept.*host\.bin") as caught:
        build_firmware(cache=tmp_path)
    assert str(caught.value.hint).startswith("remove ")


def test_the_cache_is_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ttee"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "ttee"


def test_without_the_compiler_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda _: None)
    toolchain.compiler_version.cache_clear()
    with pytest.raises(TeeUnavailableError) as caught:
        build_firmware()
    assert caught.value.hint == "pip install 'ttee[riscv]'"
    assert caught.value.exit_code == ExitCode.TEE
    toolchain.compiler_version.cache_clear()


def test_without_its_sources_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "ttee" / "__init__.py"
    monkeypatch.setattr(ttee, "__file__", str(package))
    firmware_sources.cache_clear()
    with pytest.raises(TeeUnavailableError, match="not part of this installation"):
        firmware_sources()
    inside = package.parent / "firmware" / "monitor"
    inside.mkdir(parents=True)
    (inside / "monitor.ld").write_text("")
    assert firmware_sources() == inside.parent
    firmware_sources.cache_clear()


# --- the linker's output -------------------------------------------------------------------------------

BASE = 0x8000_0000


def elf(*segments: tuple[int, bytes], entry: int = BASE) -> bytes:
    """A minimal ELF64 executable of loaded segments (address, content)."""
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,
        243,
        1,
        entry,
        64,
        0,
        0,
        64,
        56,
        len(segments),
        0,
        0,
        0,
    )
    table, data = b"", b""
    for address, content in segments:
        offset = 64 + 56 * len(segments) + len(data)
        size = len(content)
        table += struct.pack("<IIQQQQQQ", 1, 7, offset, address, address, size, size + 512, 4096)
        data += content
    return header + table + data


def test_an_executable_becomes_the_bytes_that_a_loader_would_place() -> None:
    assert flat_image(elf((BASE, b"abc"), (BASE + 8, b"def")), BASE) == b"abc\0\0\0\0\0def"


@pytest.mark.parametrize(
    ("executable", "message"),
    [
        pytest.param(b"", "truncated", id="nothing"),
        pytest.param(b"\x7fELF\x01" + bytes(80), "not an ELF64 RISC-V", id="another class"),
        pytest.param(elf((BASE, b"a"), entry=BASE + 4), "entry at", id="another entry"),
        pytest.param(elf((BASE, b"abcd"), (BASE + 2, b"x")), "overlaps", id="overlap"),
        pytest.param(elf((BASE - 8, b"abcd")), "overlaps, or is out of range", id="below the base"),
        pytest.param(elf((BASE + (1 << 40), b"abcd")), "out of range", id="too far"),
        pytest.param(elf((BASE, b"abcd"))[:-1], "leaves the file", id="cut"),
        pytest.param(elf(), "nothing to load", id="no segments"),
    ],
)
def test_what_cannot_be_an_image_is_refused_by_name(executable: bytes, message: str) -> None:
    with pytest.raises(TeeError, match=message):
        flat_image(executable, BASE)


@given(at=st.integers(0, 175), value=st.integers(0, 255))
def test_any_damage_to_headers_is_refused_or_harmless(at: int, value: int) -> None:
    damaged = bytearray(elf((BASE, b"code"), (BASE + 4, b"data")))
    damaged[at] = value
    with contextlib.suppress(TeeError):
        assert len(flat_image(bytes(damaged), BASE)) <= 16 << 20


# --- flash ---------------------------------------------------------------------------------------------


def test_the_flash_holds_the_rom_and_the_descriptor_where_the_rom_looks_for_it() -> None:
    content = flash_image(
        b"rom", MonitorDescriptor(size=4096, svn=7, authority=b"a" * 32, signature=b"s" * 64)
    )
    assert content.startswith(b"rom\0")
    descriptor = content[DESCRIPTOR_OFFSET:]
    assert descriptor == struct.pack("<8sQQ", b"TTEEMON1", 4096, 7) + b"a" * 32 + b"s" * 64 + struct.pack(
        "<Q", 1
    )
    with pytest.raises(ValueError, match="runs into"):
        flash_image(bytes(DESCRIPTOR_OFFSET + 1), MonitorDescriptor(size=4096, svn=1))


@given(
    st.lists(st.sampled_from([b"\0" * 65536, b"\x01" * 65536, b"\0" * 65535 + b"\x02"]), max_size=6),
    st.binary(max_size=9),
)
def test_a_sparse_image_reads_back_as_its_content(clusters: list[bytes], rest: bytes) -> None:
    """Walks the tables as QEMU does: L1, L2, then the cluster or a hole."""
    content = b"".join(clusters) + rest
    image = sparse_qcow2(content)
    (size,) = struct.unpack_from(">Q", image, 24)
    (l1,) = struct.unpack_from(">Q", image, 40)
    (l2,) = struct.unpack_from(">Q", image, l1)
    assert size == FLASH_SIZE
    back = b""
    for index in range(-(-len(content) // 65536)):
        (entry,) = struct.unpack_from(">Q", image, (l2 & ~(1 << 63)) + 8 * index)
        offset = entry & ~(1 << 63)
        back += image[offset : offset + 65536] if entry else bytes(65536)
    assert back.rstrip(b"\0") == content.rstrip(b"\0")
    assert (
        len(image)
        == (5 + sum(1 for at in range(0, len(content), 65536) if any(content[at : at + 65536]))) * 65536
    )
