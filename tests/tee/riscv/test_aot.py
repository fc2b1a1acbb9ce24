# SPDX-License-Identifier: Apache-2.0
"""The ahead-of-time compiler: the same bytes everywhere, and a named error for whatever cannot be compiled."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app.wat import ECHO, app, module
from tests.tee.riscv.apps import bundled
from ttee.app.bundle import MAX_MODULE, Limits
from ttee.errors import ModuleError, TeeError, TeeUnavailableError
from ttee.tee.riscv import aot, sections, toolchain, wasm2c
from ttee.tee.riscv.config import config_page, epm_size_for, sealed_request_size, utm_size_for
from ttee.tee.riscv.elf import flat_image
from ttee.tee.riscv.measure import PAGE
from ttee.tee.riscv.sources import firmware_sources

GROWING = app(
    '(import "ttee" "log" (func $log (param i32 i32)))\n'
    "(table 2 2 funcref) (elem (i32.const 0) $f) (func $f (call $log (i32.const 0) (i32.const 1)))",
    handle="(drop (memory.grow (i32.const 1))) (call_indirect (i32.const 0)) (i64.const 0)",
)


def with_section(code: bytes, kind: int, content: bytes) -> bytes:
    """`code` and one more section behind it."""
    assert len(content) < 128
    return code + bytes([kind, len(content)]) + content


# --- reproducible -----------------------------------------------------------------------------------


def test_two_folders_give_the_same_images(tmp_path: Path) -> None:
    images = []
    for name in ("one", "a folder with quite another name"):
        sources = tmp_path / name
        shutil.copytree(firmware_sources(), sources)
        images.append((aot.compile_runtime(sources), aot.translate_and_link(GROWING, sources)))
    assert images[0] == images[1]
    assert images[0] == (aot.build_runtime(), aot.compile_app(GROWING))


def test_images_name_no_place_and_no_file() -> None:
    for image in (aot.build_runtime(), aot.compile_app(GROWING)):
        assert len(image) % PAGE == 0
        for word in (b"module.c", b"ttee-aot", b"/tmp", b"/home", b"firmware", b".zig"):
            assert word not in image


def test_names_do_not_change_the_image() -> None:
    named = with_section(GROWING, 0, b"\4name\2\3\1\0\0")
    assert aot.translate_and_link(named, firmware_sources()) == aot.compile_app(GROWING)


def test_a_second_call_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = aot.compile_app(GROWING, cache=tmp_path)
    monkeypatch.setattr(aot, "translate_and_link", None)
    assert aot.compile_app(GROWING, cache=tmp_path) == first
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".bin"]


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "app").write_text("in the way")
    with pytest.raises(TeeError, match="cannot be kept") as error:
        aot.compile_app(GROWING, cache=tmp_path)
    assert "XDG_CACHE_HOME" in str(error.value.hint)


# --- hostile modules --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["*/ int evil; /*", "\\\n#include </etc/passwd>", "??/", "\u202e", "main"])
def test_names_of_exports_never_reach_the_compiler(name: str) -> None:
    """wasm2c writes names into comments as they are; a name that ends the comment would be code."""
    code = module(ECHO.replace("(memory", '(global (export "placeholder") i32 (i32.const 0))(memory'))
    hostile = renamed(code, b"placeholder", name.encode())
    assert name not in wasm2c.translate(hostile).header
    assert aot.translate_and_link(hostile, firmware_sources())


def renamed(code: bytes, old: bytes, new: bytes) -> bytes:
    """The module with one export renamed; lengths of the name and its section follow."""
    at = code.index(bytes([len(old)]) + old)
    start = next(i for i in range(at, 0, -1) if code[i] == 7 and code[i + 1] >= at - i)
    content = code[start + 2 : start + 2 + code[start + 1]]
    changed = content.replace(bytes([len(old)]) + old, bytes([len(new)]) + new)
    return code[:start] + bytes([7, len(changed)]) + changed + code[start + 2 + code[start + 1] :]


def test_imports_that_no_tee_offers_are_refused() -> None:
    with pytest.raises(ModuleError, match="evil"):
        aot.compile_app(app('(import "ttee" "evil" (func))'))


def test_an_import_of_another_type_is_refused() -> None:
    with pytest.raises(ModuleError, match="random"):
        aot.compile_app(app('(import "ttee" "random" (func (param i64)))'))


def test_code_that_does_not_fit_its_types_is_refused_by_wasm2c() -> None:
    """Our own reader leaves types on the operand stack to wasm2c."""
    code = module(ECHO)
    constant = b"\x41\x80\x08\x0b"  # i32.const 1024, end: the body of alloc
    assert constant in code
    with pytest.raises(ModuleError, match="wasm2c cannot translate"):
        aot.compile_app(code.replace(constant, b"\x42\x80\x08\x0b"))


def test_a_module_that_is_too_large_is_refused() -> None:
    with pytest.raises(ModuleError, match="at most"):
        aot.compile_app(bytes(MAX_MODULE + 1))


def test_a_function_whose_frame_could_jump_over_the_guard_is_refused() -> None:
    count = 2100
    sets = "".join(f"(local.set {n + 2} (i64.load (i32.const {8 * n})))" for n in range(count))
    stores = "".join(f"(i64.store (i32.const {8 * n + 8}) (local.get {n + 2}))" for n in range(count))
    locals_ = "i64 " * count
    code = module(
        f"""(module
          (import "ttee" "log" (func $log (param i32 i32)))
          (memory (export "memory") 1 1)
          (func (export "alloc") (param i32) (result i32) (i32.const 1024))
          (func (export "handle") (param i32 i32) (result i64) (local {locals_})
            {sets} (call $log (i32.const 0) (i32.const 0)) {stores} (i64.const 0)))"""
    )
    with pytest.raises(ModuleError, match="bytes of stack") as error:
        aot.compile_app(code)
    assert error.value.hint


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_module_is_refused_by_name_or_translated(data: st.DataObject) -> None:
    damaged = bytearray(GROWING)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    with contextlib.suppress(ModuleError):
        assert wasm2c.translate(bytes(damaged[:cut])).body


def test_equal_types_have_equal_numbers_however_they_are_written() -> None:
    code = module(
        "(module (type (func (param i32))) (type (func)) (type (func (param i32)))" + ECHO.strip()[7:]
    )
    numbers = sections.strip(code).type_numbers
    assert numbers[0] == numbers[2] != numbers[1]
    assert min(numbers) == 1


def test_calls_are_followed_only_in_modules_that_grow() -> None:
    assert wasm2c.translate(GROWING).body.count("MEMORY_MAY_MOVE;") == 2  # the growing itself, and the call
    assert "MEMORY_MAY_MOVE" not in wasm2c.translate(module(ECHO)).body


def test_a_compiler_that_uses_up_its_limits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the machine's or the module's, we cannot know; it names the compiler, and no folder of ours."""
    monkeypatch.setattr(aot, "_LIMITS", (f"--as={64 << 20}",))
    with pytest.raises(TeeError, match="cross compiler failed") as error:
        aot.translate_and_link(GROWING, firmware_sources())
    assert "ttee-aot" not in error.value.message


# --- tools ------------------------------------------------------------------------------------------


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH of our own, with the tools that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("prlimit", "sh", "sleep", "dd"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    wasm2c.version.cache_clear()
    yield folder
    wasm2c.version.cache_clear()


def fake(folder: Path, script: str) -> None:
    tool = folder / "wasm2c"
    tool.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 1.0.32 && exit 0\n{script}\n')
    tool.chmod(0o755)


@pytest.mark.usefixtures("tools")
def test_without_wasm2c_the_package_is_named() -> None:
    with pytest.raises(TeeUnavailableError, match="wabt") as error:
        aot.compile_app(GROWING)
    assert error.value.hint == "apt-get install wabt"


def test_another_version_of_wasm2c_is_not_trusted(tools: Path) -> None:
    (tools / "wasm2c").write_text("#!/bin/sh\necho 1.0.36\n")
    (tools / "wasm2c").chmod(0o755)
    with pytest.raises(TeeUnavailableError, match=r"1\.0\.36"):
        aot.compile_app(GROWING)


def test_another_preamble_is_not_trusted(tools: Path) -> None:
    """Only what stands above the module's own code in Debian's wasm2c is known to be replaced safely."""
    fake(tools, "echo 'int x; static bool s_module_initialized = false;' > module.c; : > module.h")
    with pytest.raises(TeeUnavailableError, match="other code than Debian's"):
        wasm2c.translate(GROWING)


def test_a_wasm2c_that_does_not_end_is_ended(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm2c, "_TIMEOUT", 0.3)
    fake(tools, "exec sleep 60")
    with pytest.raises(ModuleError, match="did not finish"):
        wasm2c.translate(GROWING)


def test_a_wasm2c_that_writes_without_end_is_ended(tools: Path) -> None:
    fake(tools, "exec dd if=/dev/zero of=module.c bs=1M count=200")
    with pytest.raises(ModuleError, match="wasm2c cannot translate"):
        wasm2c.translate(GROWING)


def test_a_wasm2c_that_dies_is_told(tools: Path) -> None:
    fake(tools, "kill -SEGV $$")
    with pytest.raises(ModuleError, match="SIGSEGV"):
        wasm2c.translate(GROWING)


def test_without_the_cross_compiler_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda _name: None)
    toolchain.compiler_version.cache_clear()
    try:
        with pytest.raises(TeeUnavailableError) as error:
            aot.build_runtime()
    finally:
        toolchain.compiler_version.cache_clear()
    assert error.value.hint == "pip install 'ttee[riscv]'"


# --- images -----------------------------------------------------------------------------------------


def test_only_relative_relocations_pass(tmp_path: Path) -> None:
    """An image that refers to anything but itself would need a loader that we do not have."""
    (tmp_path / "self.c").write_text(
        "int x; int *volatile pointer = &x; int *start(void) { return pointer; }\n"
    )
    script = firmware_sources() / "runtime" / "image.ld"
    arguments = [
        "cc",
        *aot.IMAGE_FLAGS,
        "-fno-function-sections",
        "-T",
        str(script),
        "self.c",
        "-o",
        "self.elf",
    ]
    toolchain.run_zig(arguments, folder=tmp_path, scratch=tmp_path)
    elf = bytearray((tmp_path / "self.elf").read_bytes())
    assert flat_image(bytes(elf), 0, relocates_itself=True)
    with pytest.raises(TeeError, match="expected type"):
        flat_image(bytes(elf), 0)
    relative = (3).to_bytes(8, "little")
    at = next(
        at for at in range(8, len(elf), 8) if elf[at : at + 8] == relative and any(elf[at + 8 : at + 16])
    )
    elf[at] = 2  # R_RISCV_64: an address that only a loader knows
    with pytest.raises(TeeError, match="not a relative one"):
        flat_image(bytes(elf), 0, relocates_itself=True)


def test_only_memory_moves_gp_and_only_the_start_of_the_app_moves_tp(tmp_path: Path) -> None:
    """Where linear memory begins, and where the stack ends: no compiled code may use these registers for itself."""
    sources = firmware_sources()
    (tmp_path / "module.h").write_text(wasm2c.translate(GROWING).header)
    (tmp_path / "module.c").write_text(aot.source_of(wasm2c.translate(GROWING)))
    inputs = [
        *sorted((sources / "runtime").glob("*.c")),
        sources / "runtime" / "app" / "divide.c",
        Path("module.c"),
    ]
    flags = ["-w", f"-I{sources / 'runtime' / 'app'}", "-I."]
    flags += [flag for flag in aot.IMAGE_FLAGS if not flag.startswith("-Wl") and flag != "-pie"]
    written = {}
    for path in inputs:
        arguments = ["cc", *flags, "-S", str(path), "-o", f"{path.stem}.s"]
        toolchain.run_zig(arguments, folder=tmp_path, scratch=tmp_path)
        assembly = (tmp_path / f"{path.stem}.s").read_text()
        assert "bgeu\tsp, tp" in assembly or path.name != "module.c"
        written[path.name] = set(re.findall(r"^\s+([a-z.]+\s+[gt]p),", assembly, re.MULTILINE))
    assert {name: what for name, what in written.items() if what} == {
        "memory.c": {"mv\tgp"},
        "app.c": {"sub\ttp"},
    }


def test_the_config_page_is_as_specified() -> None:
    bundle = bundled(module(ECHO), name="auction", svn=3, authority=b"\7" * 32, memory=3 << 16, request=99)
    page = config_page(bundle)
    assert len(page) == 4096
    assert page[:8] == b"TTEECFG1"
    assert page[8:56] == bundle.measurement
    assert page[56:88] == b"\7" * 32
    assert [int.from_bytes(page[at : at + 4], "little") for at in range(96, 116, 4)] == [
        3,
        65536,
        99,
        65536,
        7,
    ]
    assert page[88:96] == (3).to_bytes(8, "little")
    assert page[116:180] == b"auction".ljust(64, b"\0")
    assert not any(page[180:])


@given(
    pages=st.integers(1, 256),
    stack=st.integers(4096, 1 << 20),
    request=st.integers(1, 1 << 18),
    reply=st.integers(1, 1 << 18),
)
def test_sizes_are_powers_of_two_that_hold_everything(
    pages: int, stack: int, request: int, reply: int
) -> None:
    limits = Limits(pages << 16, stack, request, reply)
    epm, utm = epm_size_for(limits, bytes(65536), bytes(5000)), utm_size_for(limits)
    for size in (epm, utm):
        assert size & (size - 1) == 0
    assert epm > limits.memory + stack + request + reply
    assert utm >= 8192 + max(request, reply) + 8
    assert request + 84 <= sealed_request_size(limits) < request + 84 + 256
