"""Files that are either whole or not there: written beside, synced, renamed. Survives kill -9 and a full disk."""

import errno
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from song.errors import DiskFailing, DiskFull

TEMPORARY = ".tmp-"  # what an unfinished file's name starts with; then comes the process that writes it
_WRITER = re.compile(rf"{re.escape(TEMPORARY)}([1-9][0-9]{{0,9}})-")  # Linux counts processes up to 4 million
_BORN = time.time()  # of this process
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # full disk, full quota, file size limit
_BROKEN = {errno.EIO, errno.EROFS}  # a failing disk, and one that was mounted read-only because it fails

log = logging.getLogger("studio.durable")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Write to the path given, in the same folder; when the block ends well it becomes `path` in one step.

    Raises DiskFull where there is no room, DiskFailing where the disk is broken; on any exception the unfinished file
    is removed and `path` stays as it was.
    """
    beside = path.with_name(f"{TEMPORARY}{os.getpid()}-{uuid4().hex}")
    try:
        with room():
            yield beside
            _sync(beside, os.O_RDWR)
            os.replace(beside, path)
            sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def sweep(folder: Path, process: int | None = None) -> None:
    """Remove what was left unfinished in a folder by a process that was killed: this one, or whichever is gone. Folders
    are never touched, whatever they are called, nor is what no process of ours can have named."""
    for left in folder.glob(f"{TEMPORARY}*"):
        writer = _WRITER.match(left.name)
        if writer is None or left.is_symlink() or not left.is_file():
            continue
        number = int(writer[1])
        if number == process if process else not _in_the_making(left, number):
            left.unlink(missing_ok=True)


def _in_the_making(left: Path, writer: int) -> bool:
    if writer == os.getpid():  # or of one that had this number before, as after the restart of a container
        return left.stat().st_mtime >= _BORN
    try:
        os.kill(writer, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        pass
    return True


@contextmanager
def room() -> Iterator[None]:
    """Say "the disk is full", or broken, in the studio's own words."""
    try:
        yield
    except OSError as error:
        if said := disk_fault(error):
            raise said from error
        raise


def disk_fault(error: BaseException) -> DiskFull | DiskFailing | None:
    """What the disk's own error means in the studio's words; None for any other."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _NO_ROOM:
        return DiskFull("The disk is full; free some space and try again.")
    if number in _BROKEN:
        return DiskFailing("The disk cannot be written or read; look after it, and try again.")
    return None


def copy(source: Path, path: Path) -> None:
    """`source` as `path`, whole or not at all."""
    with atomic(path) as beside:
        shutil.copyfile(source, beside)


def write_text(path: Path, text: str) -> None:
    """UTF-8 text as `path`, whole or not at all."""
    with atomic(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def known(path: Path) -> dict[str, Any]:
    """What a small JSON file beside a song says. Nothing where it is not there or cannot be read: it only spares work,
    or tells more, so it must not stand in the song's way."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return said if isinstance(said, dict) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read (%s)", path, error)
        return {}


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder survive a power cut."""
    _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
