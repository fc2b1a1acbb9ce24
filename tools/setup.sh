#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a fresh Debian machine ready: system packages, uv, the locked Python packages. Quiet when all is there.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*" >&2; }

# --- Debian packages: the program that proves that one is there, and its name ------------------------
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need qemu-system-riscv64 qemu-system-misc
need wasm2c wabt
need python3 python3
python3 -c 'import ensurepip' >/dev/null 2>&1 || command -v uv >/dev/null 2>&1 || missing="$missing python3-venv"

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1; then as_root="sudo"; else as_root="no"; fi
    if [ "$as_root" = no ] || ! command -v apt-get >/dev/null 2>&1; then
        say "please install:$missing    (on Debian: apt-get install$missing)"
        exit 1
    fi
    say "installing$missing"
    # A machine that was never updated has no package lists; its log is shown only when something fails.
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # shellcheck disable=SC2086
    if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive \
        $as_root apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        cat "$log" >&2
        say "could not install$missing; see above"
        exit 1
    fi
fi

# --- uv, and with it the locked Python packages ------------------------------------------------------
uv=$(command -v uv || echo .uv/bin/uv)
if [ ! -x "$uv" ]; then
    say "installing uv"
    python3 -m venv .uv
    .uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
fi
stamp=.venv/.ttee-setup
if [ ! -f "$stamp" ] || [ uv.lock -nt "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
    say "installing the locked Python packages (the first time this takes a minute)"
    "$uv" sync --locked --all-extras --quiet
    touch "$stamp"
fi
