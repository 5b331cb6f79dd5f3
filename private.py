"""Who may read what the studio keeps: its owner alone, whatever the umask it was started with.

Takes, uploads, lyrics and sessions are nobody else's business on a machine that others use, too. `umask` is for whole
processes; `tighten` is for what an older studio left readable. What somebody asks to have written elsewhere
(`studio export --out`) follows that one's own umask: `as_asked`.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from settings import Settings

OURS = 0o077  # 0700 for folders, 0600 for files
_users: int | None = None  # the umask that this process was started with, once it is not in force


def umask() -> None:
    """From now on this process and those that it starts make files that are their owner's alone."""
    global _users
    before = os.umask(OURS)
    _users = before if _users is None else _users


@contextlib.contextmanager
def as_asked() -> Iterator[None]:
    """Files made in here are as readable as the umask has it that this process was started with."""
    if _users is None:
        yield
        return
    ours = os.umask(_users)
    try:
        yield
    finally:
        os.umask(ours)


def tighten(config: Settings) -> None:
    """Shut what lies in STUDIO_HOME to others: its folders, the library, the list of sessions. What is somebody else's,
    or a link to elsewhere, stays as it is; files below the folders cannot be reached any more."""
    names = ("takes", "sources", "temp", "page", "loras", "checkpoints", "set-aside")
    for folder in (config.home, *(config.home / name for name in names)):
        if folder.is_dir() and (folder == config.home or not folder.is_symlink()):
            _shut(folder, 0o700)
    for file in (*config.home.glob("studio*.db*"), config.sessions, config.home / "lane.lock"):
        if file.is_file() and not file.is_symlink():
            _shut(file, 0o600)


def _shut(path: Path, mode: int) -> None:
    with contextlib.suppress(OSError):  # somebody else's, or a disk that knows no modes
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
