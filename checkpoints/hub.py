"""A checkpoint from the Hugging Face Hub: resumed, verified, and in its place only once it is whole.

    <home>/checkpoints/<name>/             whole; studio.json says what: repo, commit, bytes and hash of every file
    <home>/checkpoints/.partial-<name>/    begun; <file>.<hash>.part grows until its hash is right
    <home>/checkpoints/.lock-<name>        one download of a checkpoint at a time, whatever the number of processes

huggingface_hub gives the address, the token, the session and the meaning of its errors, and so keeps to HF_ENDPOINT,
HF_TOKEN and HF_HUB_OFFLINE. Its own downloads begin anew after every stop and verify sizes only, so the bytes are ours.
"""

import contextlib
import fnmatch
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import durable
from checkpoints.hashes import remember_downloaded
from checkpoints.shelf import PARTIAL, locked
from checkpoints.table import Checkpoint, File, known
from checkpoints.whole import MANIFEST, check
from settings import settings
from song.errors import BadCheckpoint, CannotFetch, DiskFull, NotFound

Watch = Callable[[int, int, str], None]
"""`progress(done, total, what)`: bytes so far and in all, and the file. To cancel, let it raise `Cancelled`."""

CHUNK = 1 << 18  # bytes between two looks at progress
TRIES = 4  # in a row that bring no new byte
WAITS = 0.3, 20.0  # seconds before the second try, doubled up to the longest; a Retry-After of the hub up to the latter
BUSY = (408, 429, 500, 502, 503, 504)  # worth another try


@dataclass(frozen=True)
class Remote:
    """A file as the hub announces it: exact bytes, and its SHA-256 or, for a small one, git's SHA-1 of it."""

    path: str
    bytes: int
    sha256: str | None
    git: str | None
    inside: str = ""  # the folder of the repository that is taken by itself

    @property
    def place(self) -> str:
        """Where it goes in the checkpoint's own folder."""
        return self.path.removeprefix(f"{self.inside}/") if self.inside else self.path

    @property
    def digest(self) -> str:
        return self.sha256 or self.git or ""

    def hasher(self) -> Any:
        return hashlib.sha256() if self.sha256 else hashlib.sha1(b"blob %d\0" % self.bytes, usedforsecurity=False)


def quiet(done: int, total: int, what: str) -> None:
    """Progress that nobody watches and nobody cancels."""


def fetch(name: str, progress: Watch = quiet) -> Path:
    """Download a known checkpoint; its folder. One that is there and whole is left as it is.

    What was begun is gone on with. Raises NotFound for a name that is not known, CannotFetch, DiskFull, and whatever
    `progress` raises; the folder is then not there, and what has come stays for the next time.
    """
    checkpoint = known().get(name)
    if checkpoint is None:
        raise NotFound(f"There is no checkpoint {name[:80]}; there are {', '.join(known())}.")
    shelf = settings().fetched
    with durable.room():
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(checkpoint, progress):
            if not _settled(shelf / name):
                _fetch(checkpoint, shelf / f"{PARTIAL}{name}", shelf / name, progress)
    return shelf / name


def _fetch(checkpoint: Checkpoint, begun: Path, place: Path, progress: Watch) -> None:
    commit, files = _announced(checkpoint, lambda: progress(0, checkpoint.bytes, "asking the hub"))
    begun.mkdir(exist_ok=True)
    _tidy(begun, files)
    total = sum(file.bytes for file in files)
    done = sum(_size(begun / file.place) or _size(_part(begun, file)) for file in files)
    _check_room(checkpoint, total, total - done)
    before = 0
    for file in files:
        _bring(checkpoint, commit, file, begun, _offset(progress, before, total))
        before += file.bytes
    about = {"repo": checkpoint.repo, "revision": commit, "licence": checkpoint.licence.name}
    sizes = {file.place: {"bytes": file.bytes, "hash": file.digest} for file in files}
    durable.write_text(begun / MANIFEST, json.dumps(about | {"files": sizes}, indent=1))
    try:
        check(begun)
    except BadCheckpoint:
        shutil.rmtree(begun)  # every byte is as the hub has it, so going on would not help
        raise
    _publish(begun, place)
    remember_downloaded(place)


def _offset(progress: Watch, before: int, total: int) -> Watch:
    return lambda done, _, what: progress(before + done, total, what)


def _settled(place: Path) -> bool:
    """Whether nothing is to do. Raises BadCheckpoint for a broken folder that is somebody else's, and not replaced."""
    if not place.exists():
        return False
    try:
        check(place)
    except BadCheckpoint:
        if not (place / MANIFEST).is_file():
            raise
        return False
    return True


def _publish(begun: Path, place: Path) -> None:
    """The finished folder under its name, in one step; a broken one that was there makes room."""
    broken = place.with_name(f"{durable.TEMPORARY}{place.name}")
    shutil.rmtree(broken, ignore_errors=True)
    if place.exists():
        os.replace(place, broken)
    os.replace(begun, place)
    durable.sync_folder(place.parent)
    shutil.rmtree(broken, ignore_errors=True)


@contextlib.contextmanager
def _alone(checkpoint: Checkpoint, progress: Watch) -> Iterator[None]:
    """Wait until nobody else downloads this."""
    with contextlib.ExitStack() as stack:
        while not stack.enter_context(locked(checkpoint.name)):
            progress(0, checkpoint.bytes, "waiting for another download")
            time.sleep(0.1)
        yield


# --- what the hub has ---------------------------------------------------------------------------------------------


def _announced(checkpoint: Checkpoint, beat: Callable[[], None]) -> tuple[str, list[Remote]]:
    """The commit, and the files wanted of it. Raises CannotFetch."""
    from huggingface_hub import HfApi, constants

    beat()
    info = _insist(
        checkpoint,
        "",
        lambda: HfApi(endpoint=_endpoint()).model_info(
            checkpoint.repo,
            revision=checkpoint.revision,
            files_metadata=True,
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        ),
        beat,
    )
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    files = checkpoint.files or _found(checkpoint, siblings)
    return str(info.sha), [_remote(checkpoint, file, siblings.get(file.path)) for file in files]


def _found(checkpoint: Checkpoint, siblings: Mapping[str, Any]) -> tuple[File, ...]:
    """What the hub lists of what is wanted. Raises CannotFetch where that is nothing."""
    place = PurePosixPath(checkpoint.inside)
    found = [
        File(name, 0)
        for name in sorted(siblings)
        if PurePosixPath(name).is_relative_to(place) and _wanted(checkpoint, PurePosixPath(name).relative_to(place))
    ]
    if not any(file.path.endswith(".safetensors") for file in found):
        raise CannotFetch(f"{checkpoint.repo} has no weights that the studio can read; choose another.")
    return tuple(found)


def _wanted(checkpoint: Checkpoint, path: PurePosixPath) -> bool:
    parts = path.parts
    safe = all(part.replace("-", "").replace(".", "").replace("_", "").isalnum() and part[0] != "." for part in parts)
    return safe and any(
        len(parts) == len(asked) and all(map(fnmatch.fnmatchcase, parts, asked))
        for asked in (PurePosixPath(pattern).parts for pattern in checkpoint.wanted)
    )


def _remote(checkpoint: Checkpoint, file: File, sibling: Any) -> Remote:
    if sibling is None or sibling.size is None:
        raise CannotFetch(f"{checkpoint.repo} has no {file.path} at revision {checkpoint.revision}; update the studio.")
    sha256 = sibling.lfs.sha256 if sibling.lfs else None
    if file.sha256 and sha256 and file.sha256 != sha256:
        raise CannotFetch(
            f"{checkpoint.repo} has another {file.path} than the studio knows (SHA-256 {sha256[:12]} instead of "
            f"{file.sha256[:12]}); update the studio."
        )
    size = sibling.lfs.size if sibling.lfs else sibling.size
    return Remote(file.path, size, sha256 or file.sha256, sibling.blob_id, checkpoint.inside)


def _endpoint() -> str | None:
    """Asked now, since huggingface_hub asks only once, when it is imported."""
    return (os.environ.get("HF_ENDPOINT") or "").rstrip("/") or None


def _check_room(checkpoint: Checkpoint, total: int, missing: int) -> None:
    config = settings()
    free = shutil.disk_usage(config.fetched).free
    if missing > free - config.min_free_disk:
        come = f" ({(total - missing) / 1e9:.2f} GB have come)" if missing < total else ""
        raise DiskFull(
            f"{checkpoint.name} takes {total / 1e9:.2f} GB of disk{come}, {free / 1e9:.2f} GB are free and "
            f"{config.min_free_disk / 1e9:.2f} GB of them stay free; make room, or set STUDIO_HOME to another disk."
        )


# --- one file -----------------------------------------------------------------------------------------------------


def _part(begun: Path, file: Remote) -> Path:
    """A part is called by its hash, so that two revisions are never mixed."""
    return begun / f"{file.place}.{file.digest[:16]}.part"


def _tidy(begun: Path, files: list[Remote]) -> None:
    """Remove what an earlier revision left."""
    wanted = {path for file in files for path in (begun / file.place, _part(begun, file))}
    for path in begun.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


def _bring(checkpoint: Checkpoint, commit: str, file: Remote, begun: Path, progress: Watch) -> None:
    """One file, verified, under its name in `begun`. Raises CannotFetch."""
    place, part = begun / file.place, _part(begun, file)
    place.parent.mkdir(parents=True, exist_ok=True)
    if _size(place) == file.bytes:  # verified before it got this name
        return progress(file.bytes, 0, file.path)
    if _size(part) > file.bytes:
        part.unlink()
    hasher = file.hasher()
    with part.open("ab+") as out:
        out.seek(0)
        while block := out.read(CHUNK):
            hasher.update(block)
            progress(out.tell(), 0, file.path)
        hasher = _stream(checkpoint, commit, file, out, hasher, progress)
        out.flush()
        os.fsync(out.fileno())
    if file.digest and hasher.hexdigest() != file.digest:
        part.unlink()
        raise CannotFetch(
            f"{file.path} of {checkpoint.repo} came damaged (its checksum is {hasher.hexdigest()[:12]} instead of "
            f"{file.digest[:12]}); try again."
        )
    os.replace(part, place)
    durable.sync_folder(place.parent)


def _stream(checkpoint: Checkpoint, commit: str, file: Remote, out: Any, hasher: Any, progress: Watch) -> Any:
    """Append what is missing to `out`; the hash of the whole. Goes on where a connection broke off."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    url = hf_hub_url(checkpoint.repo, file.path, revision=commit, endpoint=_endpoint())

    def go_on() -> None:
        nonlocal hasher
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        start = out.tell()
        if start:
            headers["Range"] = f"bytes={start}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as answer:
            hf_raise_for_status(answer)
            if start and answer.status_code != 206:  # the whole again, not the rest
                out.truncate(0)
                out.seek(0)
                hasher = file.hasher()
            for chunk in answer.iter_bytes():
                if out.tell() + len(chunk) > file.bytes:
                    raise _Broken(f"more than {file.bytes} bytes came")
                out.write(chunk)
                hasher.update(chunk)
                progress(out.tell(), 0, file.path)
        if out.tell() < file.bytes:
            raise _Broken(f"{out.tell()} of {file.bytes} bytes came")

    if out.tell() < file.bytes:
        _insist(checkpoint, file.path, go_on, lambda: progress(out.tell(), 0, file.path), out.tell)
    return hasher


class _Broken(Exception):
    """A transfer ended, and not where it should."""


# --- trouble ------------------------------------------------------------------------------------------------------


def _insist(
    checkpoint: Checkpoint, path: str, ask: Callable[[], Any], beat: Callable[[], None], come: Callable[[], int] = int
) -> Any:
    """Ask until there is an answer, or TRIES times without a new byte. Raises CannotFetch, in plain words.

    `come` gives the bytes so far; `beat` is called while time passes, and may raise.
    """
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled

    tries, had = 0, come()
    while True:
        try:
            return ask()
        except OfflineModeIsEnabled as error:
            raise CannotFetch(_said(checkpoint, path, error)) from None
        except (KeyError, TypeError, ValueError) as error:
            raise CannotFetch(
                f"What answers for the hub is none ({type(error).__name__}); check HF_ENDPOINT, and whether this "
                "network asks for a login first."
            ) from error
        except (HTTPError, _Broken) as error:
            tries = 1 if come() != had else tries + 1
            had = come()
            if tries >= TRIES or (_status(error) is not None and _status(error) not in BUSY):
                raise CannotFetch(_said(checkpoint, path, error)) from error
            end = time.monotonic() + min(_asked_to_wait(error) or WAITS[0] * 2 ** (tries - 1), WAITS[1])
            while (left := end - time.monotonic()) > 0:
                beat()
                time.sleep(min(left, 0.1))


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _asked_to_wait(error: Exception) -> float:
    """Seconds, as the hub said; 0 where it did not."""
    with contextlib.suppress(AttributeError, ValueError):
        return max(0.0, float(error.response.headers.get("Retry-After", 0)))  # type: ignore[attr-defined]
    return 0.0


def _said(checkpoint: Checkpoint, path: str, error: Exception) -> str:
    """What happened and what to do, in one sentence."""
    what = f"{path} of {checkpoint.repo}" if path else checkpoint.repo
    kept = "what has come is kept, so try again later with the same command"
    status = _status(error)
    if type(error).__name__ == "OfflineModeIsEnabled":
        return f"{what} cannot be downloaded: HF_HUB_OFFLINE is set. Unset it, or put a folder into STUDIO_CHECKPOINTS."
    if status in (401, 403):
        return f"The hub does not give {what} ({status}); set HF_TOKEN to a token that may read it, or correct it."
    if status == 404:
        return f"The hub has no {what} at revision {checkpoint.revision} (404); update the studio."
    if status == 429:
        return f"The hub asks for patience (429) with {what}; {kept}."
    if status is not None:
        return f"The hub is in trouble ({status}) with {what}; {kept}."
    if isinstance(error, _Broken):
        return f"The download of {what} broke off ({error}); {kept}."
    return (
        f"The hub cannot be reached for {what} ({type(error).__name__}); check the network or HF_ENDPOINT. "
        "What has come is kept."
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
