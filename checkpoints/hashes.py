"""Bit rot: files of a checkpoint against the hashes that whoever published them gave.

Hashes are known of what the studio downloaded (its manifest), of what the hub's own tools did
(.cache/huggingface/download/<file>.metadata beside a folder's files: commit, etag, time; in their cache a link's target
is called by it) and, of some weights, in the table of what is published; what is said later in this list is the last
resort. An etag is the SHA-256 of a large file and git's SHA-1 of a small one (huggingface.co/docs/huggingface_hub,
"Download files to a local folder"). A folder inside a checkpoint, such as a VAE that others borrow, is known by what is
said of the whole.

A file is read once, and remembered by its size, time and inode until it changes.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import durable
from checkpoints.table import known as published
from checkpoints.whole import AGAIN, MANIFEST, read_object
from settings import settings
from song.errors import BadCheckpoint, DiskFailing, DiskFull

Watch = Callable[[int, int, str], None]
CHUNK = 1 << 22  # bytes between two looks at progress
MEMORY = ".hashed.json"  # in the folder of downloads: what was read, when it last changed, and its hash
READ = (".safetensors", ".json", ".pt", ".bin", ".model", ".jinja", ".yaml", ".txt")  # what loading may look at
WORDS = (".json", ".jinja", ".yaml", ".txt")  # what people edit by hand
_HUB = Path(".cache", "huggingface", "download")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def verify(folder: Path, progress: Watch = lambda *_: None, again: bool = False) -> tuple[str, ...]:
    """Hold every file against its hash, where one is known; the names of those without. Files that did not change since
    they were read are not read again, unless `again`. `progress` hears of bytes, may raise. Raises BadCheckpoint."""
    hashes = known(folder)
    files = [path for path in _files(folder) if path in hashes]
    memory = {} if again else _remembered()
    left = [path for path in files if memory.get(str(path.resolve())) != [*_state(path), hashes[path]]]
    total, done = sum(path.stat().st_size for path in left) or 1, 0
    seen: dict[str, Any] = {}
    try:
        for path in left:
            state = _state(path)
            read = _digest(path, hashes[path], partial(_beyond, progress, done, total, path.name))
            if read != hashes[path]:
                raise BadCheckpoint(
                    f"{path} is not what was published (its checksum is {read[:12]} instead of {hashes[path][:12]}): "
                    f"it is damaged, or was changed; {AGAIN}. What you changed yourself needs a folder of another name."
                )
            seen[str(path.resolve())] = [*state, read]
            done += state[0]
    finally:  # of many gigabytes, what was read before a cancel counts
        _remember(seen)
    return tuple(str(path.relative_to(folder)) for path in _files(folder) if path not in hashes)


def _beyond(progress: Watch, before: int, total: int, what: str, come: int) -> None:
    progress(before + come, total, what)


def known(folder: Path) -> dict[Path, str]:
    """File -> SHA-256, or git's SHA-1, as far as anybody who published it said."""
    roots, files = (folder.parent, folder), _files(folder)
    sources = (_by_table, _by_hub, _by_manifest)
    said = [source(root, files) for source in sources for root in roots]
    return {path: digest for one in said for path, digest in one.items()}


def _by_table(root: Path, files: list[Path]) -> dict[Path, str]:
    one = published().get(root.name)
    if one is None:
        return {}
    inside = f"{one.inside}/" if one.inside else ""
    places = {root / file.path.removeprefix(inside): file.sha256 for file in one.files if file.sha256}
    return {path: places[path] for path in files if path in places}


def _by_manifest(root: Path, files: list[Path]) -> dict[Path, str]:
    if not (root / MANIFEST).is_file():
        return {}
    listed: Any = read_object(root / MANIFEST).get("files")
    about = {root / name: one for name, one in listed.items()} if isinstance(listed, dict) else {}
    said = {path: str(about[path].get("hash")) for path in files if isinstance(about.get(path), dict)}
    return {path: digest for path, digest in said.items() if _HASH.fullmatch(digest)}


def _by_hub(root: Path, files: list[Path]) -> dict[Path, str]:
    """What the hub's own tools wrote down."""
    found = {path: _blob(path) or _etag(root / _HUB / f"{path.relative_to(root)}.metadata", path) for path in files}
    return {path: digest for path, digest in found.items() if digest}


def _blob(path: Path) -> str:
    target = path.resolve()
    linked = target.name != path.name and target.parent.name == "blobs" and _HASH.fullmatch(target.name)
    return target.name if linked else ""


def _etag(note: Path, path: Path) -> str:
    """ "" where there is none, or where somebody edited words since then, as huggingface_hub takes it, too."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, etag, written = (line.strip() for line in note.read_text(encoding="ascii").splitlines()[:3])
        edited = path.suffix in WORDS and path.stat().st_mtime > float(written) + 1
        return etag if _HASH.fullmatch(etag) and not edited else ""
    return ""


def _files(folder: Path) -> list[Path]:
    """What loading may look at; nothing that begins with a dot."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in READ
        and path.name != MANIFEST
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]


def _digest(path: Path, like: str, progress: Callable[[int], None]) -> str:
    """Hash of a file, of the kind that `like` is."""
    size = path.stat().st_size
    found: Any = hashlib.sha256() if len(like) == 64 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := _block(file, path):
            found.update(block)
            progress(file.tell())
    return str(found.hexdigest())


def _block(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.read(CHUNK)
    except OSError as error:  # of a disk that fails
        raise BadCheckpoint(f"{path} cannot be read ({error.strerror}); look at the disk, and {AGAIN}.") from error


def _state(path: Path) -> list[int]:
    """What changes when a file does."""
    said = path.stat()
    return [said.st_size, said.st_mtime_ns, said.st_ino]


def _remembered() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        said = json.loads((settings().fetched / MEMORY).read_text(encoding="utf-8"))
        return said if isinstance(said, dict) else {}
    return {}


def _remember(seen: dict[str, Any]) -> None:
    """For the next time. Where it cannot be written down, all is read again."""
    if not seen:
        return
    with contextlib.suppress(OSError, DiskFull, DiskFailing):
        settings().fetched.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = {name: said for name, said in (_remembered() | seen).items() if Path(name).exists()}
        durable.write_text(settings().fetched / MEMORY, json.dumps(kept))


def remember_downloaded(folder: Path) -> None:
    """Files of a download were held against their hashes as they came."""
    _remember({str(path.resolve()): [*_state(path), said] for path, said in known(folder).items()})
