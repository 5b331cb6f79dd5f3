"""vendor/checkpoints.toml, read: what is published, where, how large, and what it may be used for."""

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import memory
from settings import ROOT

TABLE = ROOT / "vendor" / "checkpoints.toml"


@dataclass(frozen=True)
class File:
    """One file of a checkpoint. `bytes` as published, to three digits; `sha256` where it is known."""

    path: str
    bytes: int
    sha256: str | None = None


@dataclass(frozen=True)
class Licence:
    """What weights may be used for, in one sentence."""

    name: str
    url: str
    non_commercial: bool
    sentence: str


@dataclass(frozen=True)
class Checkpoint:
    """Weights that somebody published. `kind` is "text" or "melody", `parameters` as published."""

    name: str
    repo: str
    revision: str
    engine: str
    kind: str
    channels: int
    parameters: int
    files: tuple[File, ...]
    licence: Licence
    defaults: dict[str, float]
    notes: str
    shape: memory.Shape

    @property
    def bytes(self) -> int:
        """About what a download takes."""
        return sum(file.bytes for file in self.files)

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, which cannot change."""
        return len(self.revision) == 40


def known(engine: str = "") -> dict[str, Checkpoint]:
    """All published checkpoints by name, or those of one engine."""
    return {name: one for name, one in _table().items() if engine in ("", one.engine)}


@cache
def _table() -> dict[str, Checkpoint]:
    said = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    licences = {key: Licence(**values) for key, values in said["licence"].items()}
    return {
        name: _checkpoint(name, values, said["engine"][values["engine"]], licences)
        for name, values in said["checkpoint"].items()
    }


def _checkpoint(name: str, said: dict[str, Any], engine: dict[str, Any], licences: dict[str, Licence]) -> Checkpoint:
    said = dict(said)
    files = tuple(File(**file) for file in (*engine["files"], *said.pop("weights")))
    shape = memory.Shape(*(said.pop(part) for part in ("layers", "hidden", "codebooks", "cross")))
    licence = licences[said.pop("licence", engine["licence"])]
    return Checkpoint(name=name, files=files, licence=licence, defaults=dict(engine["defaults"]), shape=shape, **said)
