"""The LoRAs of this studio, each looked through before it is kept. The same file twice is one.

<home>/loras/<sha256, first 16>/lora.safetensors      as it was given
                                adapter_config.json   PEFT's, where it was given, too
                                lora.json             name, SHA-256, bytes, when it came, what it may be used for
"""

import hashlib
import json
import logging
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import durable
from loras.alphas import CONFIG, read_config
from loras.file import check_finite, check_kind, refusal
from loras.inside import Inside, inside
from settings import settings
from song.errors import BadRequest, DiskFull, NotFound

PEFT = "adapter_model.safetensors"  # what PEFT calls every LoRA
ALIKE = (PEFT, "lokr_weights.safetensors")  # and ACE-Step's own trainer every LoKr
FILE, ABOUT = "lora.safetensors", "lora.json"
LONGEST = 60  # letters of a name
FORGET = "studio loras forget NAME"
_BEGUN = ".begun-"  # what a folder is called until all in it is known to be good
_STALE = 3600.0  # seconds after which such a folder is of a studio that was killed
_CHUNK = 1 << 20

log = logging.getLogger("studio.loras")


@dataclass(frozen=True)
class Lora:
    """A LoRA on the shelf. `name` is what a request calls it, `added` seconds since 1970, `licence` what it may be used
    for, in a sentence, where that is known."""

    name: str
    sha256: str
    bytes: int
    added: float
    licence: str
    path: Path

    @property
    def config(self) -> dict[str, Any] | None:
        """PEFT's settings, where they came with it."""
        place = self.path.with_name(CONFIG)
        return read_config(place) if place.exists() else None

    def inside(self) -> Inside:
        """What it holds. Raises BadRequest where somebody spoilt it on the shelf."""
        return inside(self.path, self.name, self.config)

    def summary(self) -> dict[str, Any]:
        """As scripts see it; `problem` says what is wrong where it was spoilt on the shelf."""
        row = {"name": self.name, "sha256": self.sha256, "bytes": self.bytes, "licence": self.licence}
        try:
            found = self.inside()
        except BadRequest as error:
            return row | {"words": "", "kind": "", "width": None, "tensors": 0, "problem": str(error)}
        row |= {"words": found.words(), "kind": found.kind}
        return row | {"width": found.width, "tensors": found.tensors, "problem": None}

    def check(self) -> None:
        """Raises BadRequest where the file is not, byte for byte, the one that was given."""
        check_kind(self.path, self.name)
        with self.path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                raise refusal(
                    self.name, f"was changed on disk; add it again: studio loras forget {self.name}, then add"
                )


def add(path: Path | str, name: str = "", config: Path | None = None, licence: str = "") -> Lora:
    """Look a LoRA through and keep it. `path` is a .safetensors file, or PEFT's folder; `config` its
    adapter_config.json, which is found by itself beside a file that PEFT named. A LoRA that is here keeps its name, and
    takes the config that comes with it now.

    Raises BadRequest with the reason where it cannot be used, DiskFull.
    """
    file, config = _given(Path(path), config)
    called = name or _spoken(Path(path))
    check_kind(file, called)
    said = read_config(config) if config else None
    shelf = settings().loras
    with durable.room():
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_room(called, file.stat().st_size)
        begun = shelf / f"{_BEGUN}{uuid4().hex}"
        begun.mkdir()
        try:
            sha256 = _copied(file, begun / FILE)
            inside(begun / FILE, called, said)
            check_finite(begun / FILE, called)
            return _kept(begun, {"name": called, "sha256": sha256, "licence": licence}, said)
        finally:
            shutil.rmtree(begun, ignore_errors=True)
            _sweep(shelf)


def there() -> list[Lora]:
    """All LoRAs on the shelf, by name."""
    return sorted(_all(), key=lambda lora: (lora.name.lower(), lora.added))


def find(name: str) -> Lora:
    """A LoRA by its name. Raises BadRequest where there is none."""
    found = next((lora for lora in _all() if lora.name == name), None)
    if found is None:
        here = ", ".join(lora.name for lora in there()[:20]) or "none yet"
        raise BadRequest("loras", f'there is no "{name[:80]}" here ({here}); add it with: studio loras add FILE')
    return found


def forget(name: str) -> Lora:
    """Remove a LoRA. Raises NotFound."""
    try:
        gone = find(name)
    except BadRequest:
        raise NotFound(f"There is no LoRA {name[:80]} here; see: studio loras") from None
    aside = settings().loras / f"{_BEGUN}{uuid4().hex}"
    gone.path.parent.rename(aside)  # out of sight in one step
    shutil.rmtree(aside)
    return gone


# --- inside -----------------------------------------------------------------------------------------------------------


def _all() -> Iterator[Lora]:
    shelf = settings().loras
    for folder in shelf.iterdir() if shelf.is_dir() else ():
        if folder.name.startswith(".") or not (folder / ABOUT).is_file():
            continue
        try:
            yield Lora(**json.loads((folder / ABOUT).read_text(encoding="utf-8")), path=folder / FILE)
        except (OSError, TypeError, ValueError) as error:
            log.warning("%s cannot be read (%s); remove the folder", folder, error)


def _given(path: Path, config: Path | None) -> tuple[Path, Path | None]:
    """The file itself and its config. PEFT calls all its files alike, so only those are believed to belong together."""
    inside = (path / name for name in ALIKE)
    file = next((one for one in inside if one.exists()), path / PEFT) if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise refusal(path.name, f"is a folder without {PEFT}; give the .safetensors file itself")
    beside = file.with_name(CONFIG)
    return file, config or (beside if file.name == PEFT and beside.exists() else None)


def _spoken(path: Path) -> str:
    """What people call a file: its name, or that of its folder where its trainer calls all files alike."""
    path = path.absolute().parent if path.name in ALIKE else path.resolve() if path.is_dir() else path
    return "".join(c if c.isprintable() else " " for c in path.name.removesuffix(".safetensors"))


def _copied(source: Path, place: Path) -> str:
    """Copy, and the SHA-256 of what was copied: nobody can change it any more."""
    found = hashlib.sha256()
    with durable.atomic(place) as beside, source.open("rb") as file, beside.open("xb") as out:
        while block := file.read(_CHUNK):
            found.update(block)
            out.write(block)
    return found.hexdigest()


def _kept(begun: Path, about: dict[str, Any], said: dict[str, Any] | None) -> Lora:
    place = settings().loras / about["sha256"]
    if not (place / ABOUT).exists():
        about |= {"name": _free(about["name"]), "bytes": (begun / FILE).stat().st_size, "added": time.time()}
        durable.write_text(begun / ABOUT, json.dumps(about))
        shutil.rmtree(place, ignore_errors=True)
        begun.rename(place)
        durable.sync_folder(place.parent)
    if said is not None:
        durable.write_text(place / CONFIG, json.dumps(said))
    return next(lora for lora in _all() if lora.sha256 == about["sha256"])


def _free(called: str) -> str:
    """A name that can be typed, and that no other LoRA has."""
    composed = unicodedata.normalize("NFC", called)  # as a request holds its words; some file systems take them apart
    plain = re.sub(r"[^\w.+-]+", "-", composed).strip("-.")[:LONGEST] or "lora"
    taken = {lora.name for lora in _all()}
    numbered = (plain if number == 1 else f"{plain}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def _check_room(called: str, size: int) -> None:
    config = settings()
    free = shutil.disk_usage(config.loras).free
    if size > free - config.min_free_disk:
        raise DiskFull(
            f"{called[:80]} takes {size / 1e6:.0f} MB, {free / 1e6:.0f} MB are free and "
            f"{config.min_free_disk / 1e6:.0f} MB of them stay free; make room, or set STUDIO_HOME to another disk."
        )


def _sweep(shelf: Path) -> None:
    """Remove what a studio left that was killed."""
    for folder in shelf.glob(f"{_BEGUN}*"):
        if folder.stat().st_mtime < time.time() - _STALE:
            shutil.rmtree(folder, ignore_errors=True)
