# SPDX-License-Identifier: Apache-2.0
"""A folder becomes a bundle: the same bytes anywhere, or a named error and nothing half-written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app.wat import ECHO, module
from ttee.app import compiler
from ttee.app.build import build, load_bundle
from ttee.app.bundle import MAX_MODULE, Bundle
from ttee.app.compiler import make_cache_folder
from ttee.errors import BuildError, BundleError, ManifestError, ModuleError, TeeUnavailableError

EXAMPLES = Path(__file__).parents[2] / "examples"

ZIG = """
const ttee = @import("ttee.zig");
comptime { ttee.app(handle); }
pub const panic = ttee.panic;
fn handle(request: []const u8) ttee.Refused![]const u8 {
    return request;
}
"""
C = '#include "ttee.h"\nTTEE_HANDLE(request, length) { return ttee_reply(request, length); }\n'


def folder_with(place: Path, name: str, source: str | bytes, *, more: str = "") -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(source if isinstance(source, bytes) else source.encode())
    key = "module" if name.endswith(".wasm") else "source"
    manifest = f'schema = "ttee.app/1"\nname = "app"\nversion = "1"\n[code]\n{key} = "{name}"\n{more}'
    (place / "ttee.toml").write_text(manifest)
    return place


@pytest.mark.parametrize("name", ["app.c", "app.zig"])
def test_two_builds_in_two_directories_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    source = ZIG if name.endswith(".zig") else C
    one = build(folder_with(tmp_path / "one", name, source))
    other = build(folder_with(tmp_path / "some where else" / "deeper", name, source))
    assert one.path.read_bytes() == other.path.read_bytes() == one.bundle.encode()
    assert one.bundle.measurement == other.bundle.measurement
    assert str(tmp_path).encode() not in one.bundle.module


def test_the_hello_example_is_small_and_names_what_it_needs(tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLES / "hello", tmp_path / "hello", ignore=shutil.ignore_patterns("build"))
    built = build(folder)
    assert built.path == folder / "build" / "hello.bundle"
    assert built.messages == ""
    assert load_bundle(built.path) == built.bundle
    assert len(built.bundle.module) < 2048


def test_a_module_built_elsewhere_is_bundled_as_it_is(tmp_path: Path) -> None:
    built = build(folder_with(tmp_path, "app.wasm", module(ECHO)))
    assert built.bundle.module == module(ECHO)


def test_128_bit_arithmetic_needs_no_library(tmp_path: Path) -> None:
    source = C.replace(
        "return ",
        "__int128 x = length; x *= x + request[0]; if ((int)(x / (length + 1)) == 7) return 0; return ",
    )
    assert build(folder_with(tmp_path, "app.c", source)).bundle.module


def test_the_compiler_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.c", C + "int x = y;\n")
    with pytest.raises(BuildError, match=r"app\.c:3:9: error: use of undeclared identifier 'y'") as refusal:
        build(folder)
    assert str(tmp_path) not in refusal.value.message
    assert not (folder / "build").exists()


def test_zigs_compiler_says_so_too(tmp_path: Path) -> None:
    with pytest.raises(
        BuildError, match=r"app\.zig:8:16: error: use of undeclared identifier 'y'"
    ) as refusal:
        build(folder_with(tmp_path, "app.zig", ZIG + "export var x = y;"))
    assert str(tmp_path) not in refusal.value.message


def test_a_warning_reaches_the_author(tmp_path: Path) -> None:
    built = build(folder_with(tmp_path, "app.c", C + f"static int unused; // {tmp_path}\n"))
    assert "unused" in built.messages


def test_functions_of_the_c_library_are_not_there(tmp_path: Path) -> None:
    source = C.replace("return", 'extern int puts(const char *); puts("x"); return')
    with pytest.raises(BuildError, match=r"app\.o: undefined symbol: puts") as refusal:
        build(folder_with(tmp_path, "app.c", source))
    assert "no C library" in str(refusal.value.hint)


def test_the_hour_of_the_build_cannot_become_part_of_the_app(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="__TIME__"):
        build(folder_with(tmp_path, "app.c", C + "const char *x(void) { return __TIME__; }\n"))


def test_more_static_memory_than_the_limit_names_the_limit(tmp_path: Path) -> None:
    source = C + "static volatile char x[1 << 21]; int y(void) { return x[5]; }\n"
    source = source.replace("int y(void)", 'TTEE_EXPORT("y") int y(void)')
    with pytest.raises(BuildError, match="memory too small") as refusal:
        build(folder_with(tmp_path, "app.c", source))
    assert "limits.memory" in str(refusal.value.hint)


def test_a_module_with_a_foreign_import_is_refused_by_name(tmp_path: Path) -> None:
    text = '(module (import "wasi_snapshot_preview1" "fd_write" (func)))'
    with pytest.raises(ModuleError, match="'wasi_snapshot_preview1' 'fd_write'"):
        build(folder_with(tmp_path, "app.wasm", module(text)))
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("include", ["secret.h", "link.h"])
def test_a_header_outside_the_folder_is_refused(tmp_path: Path, include: str) -> None:
    (tmp_path / "secret.h").write_text("#define X 1\n")
    folder = folder_with(tmp_path / "app", "app.c", "")
    (folder / "link.h").symlink_to(tmp_path / "secret.h")
    path = "link.h" if include == "link.h" else tmp_path / "secret.h"
    (folder / "app.c").write_text(f'#include "{path}"\n{C}')
    with pytest.raises(BuildError, match=r"(secret|link)\.h is outside the app folder"):
        build(folder)


def test_headers_and_data_in_the_folder_are_welcome(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.c", '#include "my header.h"\n' + C)
    (folder / "my header.h").write_text(
        "static const char x[] __attribute__((unused)) = {\n#embed <data>\n};\n"
    )
    (folder / "data").write_bytes(b"123")
    (folder / "my header.h").write_text(
        'static const char x[] __attribute__((unused)) = {\n#embed "data"\n};\n'
    )
    assert build(folder).bundle.module


def test_zig_sources_stay_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = folder_with(tmp_path / "app", "app.zig", ZIG + 'export const x = @embedFile("../secret")[0];')
    with pytest.raises(BuildError, match=r"outside (package|module) path"):
        build(folder)
    (folder / "app.zig").write_text(ZIG + 'export const x = @embedFile("link")[0];')
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BuildError, match="link is outside the app folder"):
        build(folder)


INCBIN = r".section .rodata.x,\"\",@\nx:\n.incbin \"/etc/passwd\"\n.size x, 1"


def test_assembly_cannot_read_what_the_folder_does_not_contain(tmp_path: Path) -> None:
    """Whoever builds a stranger's app must not give away files of his own in its module."""
    folder = folder_with(tmp_path / "c", "app.c", f'__asm__("{INCBIN}");\n{C}')
    with pytest.raises(BuildError, match="inline assembly is disabled"):
        build(folder)
    folder = folder_with(tmp_path / "zig", "app.zig", f'{ZIG}\ncomptime {{ asm ("{INCBIN}"); }}\n')
    with pytest.raises(BuildError, match="asm is not for apps") as refused:
        build(folder)
    assert refused.value.where is not None
    assert refused.value.where.startswith("app.zig:")
    folder = folder_with(tmp_path / "hidden", "app.zig", ZIG + 'const h = @import(".h/evil.zig");')
    (folder / ".h").mkdir()
    (folder / ".h" / "evil.zig").write_text(f'comptime {{ asm ("{INCBIN}"); }}\n')
    with pytest.raises(BuildError, match="asm is not for apps"):
        build(folder)


def test_a_link_in_a_hidden_folder_does_not_lead_out_either(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = folder_with(tmp_path / "app", "app.zig", ZIG + 'export const x = @embedFile(".h/link")[0];')
    (folder / ".h").mkdir()
    (folder / ".h" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BuildError, match="link is outside the app folder"):
        build(folder)


def test_the_word_asm_in_comments_and_strings_is_welcome(tmp_path: Path) -> None:
    text = "// no asm here\nconst a = \"asm \\\" asm\";\nconst b =\n    \\\\ asm and @cImport\n;\nconst c = '\\'';\n"
    assert build(folder_with(tmp_path, "app.zig", ZIG + text)).bundle.module


def test_code_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.c").write_text(C)
    folder = folder_with(tmp_path / "app", "app.c", C)
    (folder / "app.c").unlink()
    (folder / "app.c").symlink_to(tmp_path / "elsewhere.c")
    with pytest.raises(BuildError, match="outside the app folder"):
        build(folder)


def test_code_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.c", C)
    (folder / "app.c").unlink()
    with pytest.raises(ManifestError, match=r"no file app\.c"):
        build(folder)


def test_a_module_of_4_mib_and_more_is_refused_unread(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.wasm", b"")
    with (folder / "app.wasm").open("wb") as file:
        file.truncate(MAX_MODULE + 1)
    with pytest.raises(BuildError, match="more than 4194304 bytes"):
        build(folder)


def test_without_a_compiler_the_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "find_spec", lambda _name: None)
    with pytest.raises(TeeUnavailableError) as refusal:
        build(folder_with(tmp_path, "app.c", C))
    assert "pip install 'ttee[build]'" in str(refusal.value.hint)
    assert refusal.value.exit_code == 8


def test_a_compiler_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_TIMEOUT", 0.001)
    with pytest.raises(BuildError, match="did not finish"):
        build(folder_with(tmp_path, "app.c", C))


def test_a_bundle_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.wasm", module(ECHO))
    (folder / "build" / "app.bundle").mkdir(parents=True)
    with pytest.raises(BuildError, match="cannot be written"):
        build(folder)
    assert [path.name for path in (folder / "build").iterdir()] == ["app.bundle"]


def test_a_new_build_replaces_the_old_bundle_whole(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "app.wasm", module(ECHO))
    old = build(folder)
    (folder / "ttee.toml").write_text((folder / "ttee.toml").read_text().replace('"1"', '"2"'))
    new = build(folder)
    assert old.path == new.path
    assert load_bundle(new.path).version == "2"
    assert [path.name for path in (folder / "build").iterdir()] == ["app.bundle"]


def test_a_bundle_file_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        load_bundle(tmp_path / "none.bundle")
    damaged = tmp_path / "damaged.bundle"
    damaged.write_bytes(
        Bundle.decode(build(folder_with(tmp_path, "app.wasm", module(ECHO))).bundle.encode()).module
    )
    with pytest.raises(BundleError):
        load_bundle(damaged)


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR"])
@pytest.mark.parametrize("place", ["a-file", "/proc/nowhere"])
def test_a_compiler_without_a_place_for_its_cache_is_not_started(
    variable: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").touch()
    monkeypatch.setenv(variable, str(tmp_path / place))
    with pytest.raises(TeeUnavailableError, match="nowhere to keep its cache") as caught:
        make_cache_folder()
    assert "XDG_CACHE_HOME" in str(caught.value.hint)
