# SPDX-License-Identifier: Apache-2.0
"""The QEMU process: what it says when it dies, how it is ended, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.tee.riscv.puppet import DEVICE_SECRET, Puppet
from ttee.errors import ExitCode, TeeDiedError, TeeError, TeeTimeoutError, TeeUnavailableError
from ttee.tee.riscv.firmware import Firmware
from ttee.tee.riscv.machine import HOST_BASE, MONITOR_BASE, POOL_BASE, RAM_BASE, Machine
from ttee.tee.riscv.mailbox import Fault, Operation, SbiError, SbiResult

FOREVER = 1 << 62
ENDLESS_LOOP = 0x0000_006F
"""`j .`"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def ends_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# --- the end -------------------------------------------------------------------------------------------


def test_closing_ends_the_process_and_twice_is_fine(firmware: Firmware) -> None:
    machine = Machine(firmware, DEVICE_SECRET)
    pid = machine.qemu.pid
    assert is_alive(pid)
    machine.close()
    machine.close()
    assert not is_alive(pid)
    assert machine.console == ""


def test_an_error_inside_the_context_ends_the_process_too(firmware: Firmware) -> None:
    with pytest.raises(KeyboardInterrupt), Machine(firmware, DEVICE_SECRET) as machine:
        raise KeyboardInterrupt
    assert not is_alive(machine.qemu.pid)


def test_shared_pages_stay_readable_after_the_end(firmware: Firmware, puppet_code: bytes) -> None:
    with Machine(firmware, DEVICE_SECRET) as machine:
        puppet = Puppet(machine, puppet_code)
    assert len(bytes(puppet.handle.utm)) == 16384


def test_a_machine_has_no_name_in_the_file_system(machine: Machine) -> None:
    """RAM, flash and sockets are anonymous: nothing to remove, nothing to open for others."""
    named = []
    for link in Path(f"/proc/{machine.qemu.pid}/fd").iterdir():
        target = str(link.readlink())
        if target.startswith("/") and not target.startswith(("/memfd:", "/dev/")):
            named.append(target)
    assert named == []
    assert DEVICE_SECRET.hex() not in Path(f"/proc/{machine.qemu.pid}/cmdline").read_text()


def test_open_files_are_given_back(firmware: Firmware) -> None:
    with Machine(firmware, DEVICE_SECRET):
        pass
    before = open_files()
    for _ in range(3):
        with Machine(firmware, DEVICE_SECRET):
            pass
    assert open_files() == before


PROGRAM = """
    import sys, threading, time
    from ttee.tee.riscv.firmware import build_firmware
    from ttee.tee.riscv.machine import Machine
    machines = []
    def start():
        machines.append(Machine(build_firmware(), bytes(31) + b"x"))
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    time.sleep(0.2)
    print(machines[0].qemu.pid, machines[0].mailbox.load(0x80400000, 1), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_when_our_process_is_killed_the_machine_goes_with_it(how: signal.Signals) -> None:
    """It was started by a thread that has long ended, and outlives that, but not the process."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        pid, _ = map(int, program.stdout.readline().split())
        assert is_alive(pid)
        program.send_signal(how)
        program.wait()
    assert ends_within(pid, 5)


def test_ctrl_c_does_not_reach_the_machine_before_it_reaches_us(machine: Machine) -> None:
    """A terminal sends SIGINT to its whole foreground group, and the machine is in another."""
    assert os.getpgid(machine.qemu.pid) != os.getpgid(0)


# --- death ---------------------------------------------------------------------------------------------


def test_a_machine_killed_while_an_enclave_runs_is_an_error_that_says_so(
    machine: Machine, puppet: Puppet
) -> None:
    timer = threading.Timer(0.1, os.kill, (machine.qemu.pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(TeeDiedError, match="was ended by SIGKILL") as caught:
        puppet.spin(FOREVER)
    timer.join()
    assert caught.value.exit_code == ExitCode.TEE
    with pytest.raises(TeeDiedError):
        machine.mailbox.load(POOL_BASE)


def test_a_machine_that_powers_off_is_an_error_with_its_last_words(machine: Machine) -> None:
    for letter in b"good \x1b[31mbye\n":
        machine.mailbox.store(0x1000_0000, letter, 1)
    with pytest.raises(TeeDiedError, match=r"ended with status 0; its last words:\n  good \?\[31mbye"):
        machine.mailbox.request(Operation.POWER_OFF)


def test_a_machine_that_cannot_start_says_what_qemu_says(firmware: Firmware) -> None:
    with pytest.raises(TeeDiedError, match=r"(?s)ended with status 1.*nonsense"):
        Machine(firmware, DEVICE_SECRET, extra=["-nonsense"])


@pytest.mark.parametrize(
    ("missing", "package"), [("qemu-system-riscv64", "qemu-system-misc"), ("setpriv", "util-linux")]
)
def test_a_missing_program_is_named_with_its_package(
    firmware: Firmware, monkeypatch: pytest.MonkeyPatch, missing: str, package: str
) -> None:
    found = {"qemu-system-riscv64": "/usr/bin/qemu-system-riscv64", "setpriv": "/usr/bin/setpriv"}
    found.pop(missing)
    monkeypatch.setattr("ttee.tee.riscv.qemu.shutil.which", found.get)
    with pytest.raises(TeeUnavailableError, match=f"{missing} is not installed") as caught:
        Machine(firmware, DEVICE_SECRET)
    assert caught.value.hint == f"apt install {package}"
    assert caught.value.exit_code == ExitCode.TEE


def test_a_host_that_never_comes_up_is_given_up(firmware: Firmware) -> None:
    with pytest.raises(TeeTimeoutError, match=r"did not boot within 0\.2 s"):
        Machine(firmware, DEVICE_SECRET, timeout=0.2, extra=["-S"])


def test_impossible_machines_are_refused(firmware: Firmware) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Machine(firmware, b"short")
    for size in (0, 4 << 20, (128 << 20) + 4096, 4 << 30):
        with pytest.raises(ValueError, match="not a multiple of 2 MiB"):
            Machine(firmware, DEVICE_SECRET, ram_size=size)


# --- the mailbox ---------------------------------------------------------------------------------------


def test_a_host_that_hangs_is_given_up_after_the_deadline(machine: Machine) -> None:
    machine.write(POOL_BASE, ENDLESS_LOOP.to_bytes(4, "little"))
    with pytest.raises(TeeTimeoutError, match="host does not answer"):
        machine.mailbox.call(POOL_BASE, timeout=0.05)


def test_the_mailbox_can_be_cancelled_from_another_thread(machine: Machine, puppet: Puppet) -> None:
    timer = threading.Timer(0.05, machine.mailbox.cancel)
    timer.start()
    assert puppet.spin(FOREVER) == SbiResult(SbiError.INTERRUPTED)
    timer.join()


def test_ctrl_c_while_an_enclave_runs_stops_it_and_the_mailbox_stays_usable(
    machine: Machine, puppet: Puppet
) -> None:
    timer = threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        puppet.spin(FOREVER)
    timer.join()
    assert machine.mailbox.load(HOST_BASE, 1) == machine.firmware.host[0]
    puppet.handle.destroy()


def test_called_code_gets_its_arguments_and_any_fault_in_it_comes_back(machine: Machine) -> None:
    add = (0x00B5_0533, 0x0000_8067)  # add a0, a0, a1; ret
    machine.write(POOL_BASE, b"".join(word.to_bytes(4, "little") for word in add))
    assert machine.mailbox.call(POOL_BASE, 40, 2) == (42, 2)
    broken = (0x0000_0113, 0x0001_3083)  # li sp, 0; ld ra, 0(sp)
    machine.write(POOL_BASE + 4096, b"".join(word.to_bytes(4, "little") for word in broken))
    assert machine.mailbox.call(POOL_BASE + 4096) == Fault(5, 0)
    assert machine.mailbox.fetch(0) == Fault(1, 0)
    assert machine.mailbox.load(HOST_BASE, 1) == machine.firmware.host[0]


def test_the_host_answers_after_a_long_rest(machine: Machine) -> None:
    time.sleep(0.1)
    assert machine.mailbox.request(Operation.NOTHING).status == 0
    assert machine.mailbox.request(99).status == SbiError.NOT_SUPPORTED


# --- memory, ports, and room -----------------------------------------------------------------------------


def test_whoever_holds_the_ram_reads_and_writes_past_all_protection(machine: Machine) -> None:
    assert machine.read(MONITOR_BASE, 4096) == machine.firmware.monitor[:4096]
    for address, size in ((RAM_BASE - 8, 8), (RAM_BASE + len(machine.ram), 1), (RAM_BASE, -1)):
        with pytest.raises(ValueError, match="not in RAM"):
            machine.view(address, size)


def test_a_paused_machine_starts_when_told_and_qmp_reports_it(firmware: Firmware) -> None:
    with Machine(firmware, DEVICE_SECRET, paused=True) as machine:
        assert machine.qemu.qmp.execute("query-status")["status"] == "prelaunch"
        assert machine.read(0x8020_0000, 8) == bytes(8)
        machine.qemu.qmp.execute("cont")
        machine.wait_ready()
        assert "mhartid" in machine.qemu.qmp.human("info registers")
        with pytest.raises(TeeError, match="QEMU refused no-such-command"):
            machine.qemu.qmp.execute("no-such-command")
        machine.qemu.close()
        with pytest.raises(TeeDiedError):
            machine.qemu.qmp.execute("query-status")


def test_the_debug_port_reads_memory(firmware: Firmware) -> None:
    with Machine(firmware, DEVICE_SECRET, gdb=True) as machine:
        port = machine.qemu.gdb
        assert port is not None
        port.settimeout(5)
        port.sendall(b"\x03")  # stops the machine
        assert port.recv(4096).startswith(b"$T02")
        port.sendall(b"$m80000008,8#" + f"{sum(b'm80000008,8') % 256:02x}".encode())
        answer = b""
        while b"TTEEIMG1".hex().encode() not in answer:
            answer += port.recv(4096)
            assert len(answer) < 4096


def test_small_and_large_machines_boot_and_know_where_their_memory_ends(
    firmware: Firmware, puppet_code: bytes
) -> None:
    for size in (8 << 20, 258 << 20):
        with Machine(firmware, DEVICE_SECRET, ram_size=size) as machine:
            puppet = Puppet(machine, puppet_code)
            assert puppet.epm + puppet.handle.record.epm_size == RAM_BASE + size
            assert machine.mailbox.load(RAM_BASE + size) == Fault(5, RAM_BASE + size)


def test_enclaves_lie_above_all_shared_pages_and_room_runs_out_by_name(
    machine: Machine, puppet_code: bytes
) -> None:
    first, second = Puppet(machine, puppet_code), Puppet(machine, puppet_code, epm_size=1 << 20)
    assert first.handle.record.utm == POOL_BASE
    lowest = min(first.epm, second.epm)
    for puppet in (first, second):
        assert puppet.handle.record.utm + puppet.handle.record.utm_size <= lowest
        assert puppet.epm % puppet.handle.record.epm_size == 0
    with pytest.raises(TeeError, match="no room left"):
        Puppet(machine, puppet_code, epm_size=128 << 20)
    with pytest.raises(TeeError, match="do not fit"):
        Puppet(machine, puppet_code, epm_size=8192)
    with pytest.raises(ValueError, match="power of two"):
        Puppet(machine, puppet_code, epm_size=12288)
    first.handle.destroy()
    first.handle.destroy()
    assert Puppet(machine, puppet_code).epm == first.epm
