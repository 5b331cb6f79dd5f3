"""Calls to the kernel that fail when they are told to: what writes, syncs, renames and makes folders below one folder.

A process that starts under `watched` asks before each such call, with all of its threads and children, and so does
what is no Python: SQLite, libsndfile. Needs Linux 5.5 or newer on x86_64 or aarch64; no root, nothing compiled.

Source: seccomp(2) and seccomp_unotify(2) of the Linux manual.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_X86 = {"write": 1, "pwrite64": 18, "writev": 20, "pwritev": 296, "fsync": 74, "fdatasync": 75, "ftruncate": 77}
_X86 |= {"rename": 82, "renameat": 264, "renameat2": 316, "mkdir": 83, "mkdirat": 258}
_ARM = {"write": 64, "pwrite64": 68, "writev": 66, "pwritev": 70, "fsync": 82, "fdatasync": 83, "ftruncate": 46}
_ARM |= {"renameat": 38, "renameat2": 276, "mkdirat": 34}
_MACHINES = {"x86_64": (0xC000003E, 317, _X86), "aarch64": (0xC00000B7, 277, _ARM)}  # AUDIT_ARCH, seccomp's own number
_PATH_AT = {"rename": 1, "renameat": 3, "renameat2": 3, "mkdir": 0, "mkdirat": 1}  # the argument that is a path
_RECEIVE, _ANSWER, _GO_ON = 0xC0502100, 0xC0182101, 1
_NEW_LISTENER = 8


class Calls:
    """The calls below `folder`: counts them, and lets one fail."""

    def __init__(self, folder: Path):
        self.folder = str(folder)
        self.names = {number: name for name, number in _MACHINES[platform.machine()][2].items()}
        self.count, self.failed = 0, ""
        self._at, self._fault, self._lasting = -1, 0, False

    def arm(self, at: int, fault: int, lasting: bool = False) -> None:
        """Let the `at`-th call from now on (counted from 0) fail with this errno, and if `lasting` all that follow; -1
        for none."""
        self.count, self.failed, self._at, self._fault, self._lasting = 0, "", at, fault, lasting

    def decide(self, pid: int, name: str, arguments: tuple[int, ...]) -> int:
        """The errno that this call is answered with; 0 lets it go on."""
        path = self._path(pid, name, arguments)
        if not path.startswith(self.folder):
            return 0
        self.count += 1
        if self._at < 0 or not (self.count - 1 == self._at or (self._lasting and self.count > self._at)):
            return 0
        self.failed = f"{name} {path.removeprefix(self.folder)}"
        return self._fault

    @staticmethod
    def _path(pid: int, name: str, arguments: tuple[int, ...]) -> str:
        with contextlib.suppress(OSError):
            if name not in _PATH_AT:
                return str(Path(f"/proc/{pid}/fd/{arguments[0]}").readlink())
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(arguments[_PATH_AT[name]])
                return os.fsdecode(memory.read(4096).partition(b"\0")[0])
        return ""


@contextlib.contextmanager
def watched(command: list[str], folder: Path, **said: Any) -> Iterator[tuple["subprocess.Popen[bytes]", Calls]]:
    """Start Python with these arguments; `said` is for Popen. Raises RuntimeError where the kernel does not let us."""
    ours, theirs = socket.socketpair()
    starter = [sys.executable, str(Path(__file__)), str(theirs.fileno()), *command]
    process = subprocess.Popen(starter, pass_fds=[theirs.fileno()], **said)
    theirs.close()
    _, handles, _, _ = socket.recv_fds(ours, 16, 1)
    if not handles:
        process.wait()
        raise RuntimeError("This kernel does not let calls be watched (seccomp user notification).")
    calls = Calls(folder)
    threading.Thread(target=_answer, args=(handles[0], calls), daemon=True).start()
    try:
        yield process, calls
    finally:
        calls.arm(-1, 0)
        process.terminate()
        process.wait(60)


def _answer(handle: int, calls: Calls) -> None:
    while True:
        asked = bytearray(80)
        try:
            fcntl.ioctl(handle, _RECEIVE, asked, True)
            number, pid, _, call, *_ = fields = struct.unpack("<QIIiI7Q", asked)
            fault = calls.decide(pid, calls.names[call], tuple(fields[6:]))
            fcntl.ioctl(handle, _ANSWER, struct.pack("<QqiI", number, 0, -fault, 0 if fault else _GO_ON))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINTR):  # whoever asked is gone; else all of them are
                return


def _start(handle: int, command: list[str]) -> None:
    """In the new process: ask for leave from now on, hand over where the questions come in, become the command."""
    arch, seccomp, numbers = _MACHINES[platform.machine()]
    load, equal, answer = 0x20, 0x15, 0x06  # BPF: load a word, jump if equal, return
    allow, ask = 0x7FFF0000, 0x7FC00000
    wanted = sorted(numbers.values())
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), (answer, 0, 0, allow), (load, 0, 0, 0)]
    program += [(equal, len(wanted) - place, 0, number) for place, number in enumerate(wanted)]
    program += [(answer, 0, 0, allow), (answer, 0, 0, ask)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in program))
    head = ctypes.create_string_buffer(struct.pack("<H6xQ", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    listener = libc.syscall(seccomp, 1, _NEW_LISTENER, ctypes.byref(head))
    with socket.socket(fileno=handle) as theirs:
        socket.send_fds(theirs, [b"x"], [listener] if listener >= 0 else [])
    os.execv(sys.executable, [sys.executable, *command])


if __name__ == "__main__":
    _start(int(sys.argv[1]), sys.argv[2:])
