"""Where checkpoints lie on this machine: people's own folders, what the studio downloaded, the Hugging Face cache."""

import contextlib
import fcntl
import glob
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checkpoints.table import Checkpoint, known
from checkpoints.whole import (
    ADAPTED,
    ADAPTER,
    INDEX,
    MANIFEST,
    PIPELINE,
    SINGLE,
    bag,
    check,
    kind,
    layout,
    models,
    native,
)
from settings import settings
from song.errors import BadCheckpoint, BadRequest, EngineMissing, NotFound

PARTIAL = ".partial-"  # what a download's folder starts with until it is whole
MADE = ".diffusers-"  # and what a folder that was made of a checkpoint in another layout starts with
_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
NEEDED = ("config.json", "preprocessor_config.json", "tokenizer.json")  # other tools fetch what they need, no more


@dataclass(frozen=True)
class Found:
    """A folder on this machine. `problem` is why it cannot be used; `ours` where the studio downloaded it."""

    name: str
    path: Path
    bytes: int
    kind: str
    layout: str
    checkpoint: Checkpoint | None = None
    problem: str | None = None
    ours: bool = False


def find(name: str) -> Path | None:
    """The folder of a complete checkpoint; None where there is none. `name` may also be the path of a folder."""
    return next((folder for folder in places(name) if _problem(folder) is None), None)


def need(name: str) -> Path:
    """As `find`. Raises BadCheckpoint where there is one that cannot be used, EngineMissing where there is none."""
    folder = find(name)
    if folder is not None:
        return folder
    for broken in places(name):
        check(broken)
    if name in known():
        raise EngineMissing(f"{name} is not on this machine; get it with: studio models get {name}")
    raise EngineMissing(
        f"{name} is no checkpoint here: give one of {', '.join(known())}, a folder of STUDIO_CHECKPOINTS, or a path."
    )


def there() -> list[Found]:
    """Every checkpoint on this machine, whole or not, each name once: the first place where it is whole, else found."""
    best: dict[str, Found] = {}
    for name, folder in _shelves():
        if name not in best or best[name].problem:
            found = _found(name, folder)
            if name not in best or not found.problem:
                best[name] = found
    return sorted(best.values(), key=lambda found: found.name)


def broken(name: str) -> BadCheckpoint | None:
    """What is wrong where all that lies under this name, on any shelf, cannot be used."""
    return next((BadCheckpoint(one.problem) for one in there() if one.name == name and one.problem), None)


def by_id(repo: str) -> Path | None:
    """The folder of a language model that other tools fetched from the hub, by its id there: "Qwen/Qwen3-0.6B"."""
    if not _ID.fullmatch(repo):
        return None
    snapshots = _snapshots(repo, "main")
    return next((one for one in snapshots if _complete(one, "transformers") and _problem(one) is None), None)


def places(name: str) -> Iterator[Path]:
    """The folders in which a checkpoint of this name lies, whole or not, best first."""
    if os.sep in name or name.startswith("~"):
        folder = Path(name).expanduser()
        if folder.is_dir():
            yield folder
        return
    yield from (folder for other, folder in _shelves() if other == name)


def forget(name: str) -> int:
    """Remove what the studio downloaded, whole or begun, and what it made of it; the bytes that are free now.

    Raises NotFound where nothing is there, BadRequest where it is somebody else's.
    """
    folder, begun = settings().fetched / name, settings().fetched / f"{PARTIAL}{name}"
    if Path(name).name != name or name.startswith("."):
        raise BadRequest("name", "must be the name of a checkpoint, not a path")
    if folder.exists() and not _ours(folder):
        raise BadRequest("name", f"{folder} was not downloaded by the studio; remove it yourself")
    mine = [*(path for path in (folder, begun) if path.exists()), *made_of(name)]
    if not mine:
        elsewhere = next(places(name), None)
        if elsewhere is not None:
            raise BadRequest("name", f"{elsewhere} was not downloaded by the studio; remove it yourself")
        raise NotFound(f"There is no download of {name[:80]} here.")
    with locked(name) as alone:
        if not alone:
            raise BadRequest("name", f"{name} is being downloaded just now; stop that first")
        freed = sum(size(path) for path in mine)
        for path in mine:
            shutil.rmtree(path)
    return freed


def made_of(name: str) -> list[Path]:
    """Folders that the studio made of a checkpoint in another layout: `MADE`, its name, a fingerprint."""
    return sorted(settings().fetched.glob(f"{MADE}{glob.escape(name)}-{'[0-9a-f]' * 16}"))


@contextlib.contextmanager
def locked(name: str) -> Iterator[bool]:
    """One process at a time may change a download; False for the others. The lock goes with its process."""
    with (settings().fetched / f".lock-{name}").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def size(folder: Path) -> int:
    """Bytes of the files in a folder; a link counts as what it points to."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _shelves() -> Iterator[tuple[str, Path]]:
    """Name and folder, best first; a name may come more than once."""
    own = settings().checkpoints
    if own is not None:
        own = own.expanduser().absolute()
        if layout(own):
            yield own.name, own
        else:
            yield from _inside(own)
    yield from _inside(settings().fetched)
    for name, checkpoint in known().items():
        yield from ((name, folder) for folder in _cached(checkpoint))


def _inside(shelf: Path) -> Iterator[tuple[str, Path]]:
    """Folders that are a checkpoint by their look or by their name."""
    for folder in sorted(shelf.iterdir()) if shelf.is_dir() else ():
        if folder.is_dir() and not folder.name.startswith(".") and (layout(folder) or folder.name in known()):
            yield folder.name, folder


def _cached(checkpoint: Checkpoint) -> Iterator[Path]:
    """Snapshots in the Hugging Face cache with all that is needed; the wanted revision first, or what "main" was."""
    for folder in _snapshots(checkpoint.repo, checkpoint.revision):
        if _complete(folder / checkpoint.inside, checkpoint.layout):
            yield folder / checkpoint.inside


def _snapshots(name: str, wanted: str) -> list[Path]:
    """What the cache holds of a repository; the wanted revision first, a commit or what a branch was."""
    found = []
    for cache in _caches():
        repo, commit = cache / f"models--{name.replace('/', '--')}", wanted
        if (repo / "refs" / wanted).is_file():
            commit = (repo / "refs" / wanted).read_text(encoding="ascii", errors="replace").strip()
        found += sorted((repo / "snapshots").glob("*"), key=lambda path: (path.name != commit, path.name))
    return found


def _complete(folder: Path, wanted: str) -> bool:
    """Whether a folder that other tools filled has all that is needed; its look does not say what they left out."""
    if wanted == "diffusers":
        return (folder / PIPELINE).exists()
    if wanted == "native":
        return native(folder) is not None
    if wanted == "peft":
        return (folder / ADAPTER).exists() and (folder / ADAPTED).exists()
    if wanted == "demucs":
        return bag(folder) is not None and all(path.exists() for path in models(folder))
    weights = (folder / SINGLE).exists() or (folder / INDEX).exists()
    said = json.loads((folder / "config.json").read_text(encoding="utf-8")) if (folder / "config.json").exists() else {}
    needed = NEEDED if str(said.get("model_type", "")).startswith("musicgen") else ("config.json", "tokenizer.json")
    return weights and all((folder / name).exists() for name in needed)


def _caches() -> list[Path]:
    """Where the hub's own tools keep what they download: the rule of huggingface_hub, without its import. On a Space
    also where it puts what it preloads, whatever the environment says."""
    home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    said = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    preloaded = ["~/.cache/huggingface/hub"] if os.environ.get("SPACE_ID") else []
    return list(dict.fromkeys(Path(os.path.expandvars(one)).expanduser() for one in (said, *preloaded)))


def _found(name: str, folder: Path) -> Found:
    problem = _problem(folder)
    says = kind(folder) if problem is None else ""
    published = known().get(name)
    return Found(
        name=name,
        path=folder,
        bytes=size(folder),
        kind=says or (published.kind if published else ""),
        layout=layout(folder),
        checkpoint=published,
        problem=problem,
        ours=_ours(folder),
    )


def _problem(folder: Path) -> str | None:
    try:
        check(folder)
    except BadCheckpoint as error:
        return str(error)
    return None


def _ours(folder: Path) -> bool:
    return folder.parent == settings().fetched and (folder / MANIFEST).is_file()


def manifest(folder: Path) -> dict[str, object]:
    """What the studio wrote down when it downloaded this folder: repo, revision, files. Empty for any other."""
    if not (folder / MANIFEST).is_file():
        return {}
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
