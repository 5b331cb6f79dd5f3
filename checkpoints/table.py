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
    """What weights may be used for, in one sentence. `stated`: whether a licence is known at all."""

    name: str
    url: str
    non_commercial: bool
    sentence: str
    stated: bool = True


@dataclass(frozen=True)
class Use:
    """How checkpoints of a kind are used: numbers by knob, and what they can do, by the model's own names."""

    defaults: dict[str, float]
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """Weights that somebody published.

    kind        within its engine: "text" or "melody"; "turbo", "sft", "base" or "planner"; "lora"; "chat"; "separator"
    layout      of its files: "transformers", "diffusers", "native", "peft" or "demucs"
    parameters  as published
    files       what is downloaded; where they are not known, what fits one of `wanted`, of the folder `inside`
    bytes       about what a download takes
    shape       of MusicGen's decoder; None for any other
    """

    name: str
    repo: str
    revision: str
    engine: str
    kind: str
    layout: str
    channels: int
    parameters: int
    bytes: int
    files: tuple[File, ...]
    wanted: tuple[str, ...]
    inside: str
    licence: Licence
    use: Use
    notes: str
    shape: memory.Shape | None = None

    @property
    def defaults(self) -> dict[str, float]:
        return self.use.defaults

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, which cannot change."""
        return len(self.revision) == 40

    @property
    def needs(self) -> dict[str, int]:
        """Bytes of memory by precision: the most exact, and the smallest."""
        if self.layout == "peft":
            return {"bf16": 2 * self.parameters}
        if self.layout == "demucs":
            return {"fp32": memory.separator(self.parameters).total}
        if self.shape is None:
            parts = self.parameters + (0 if self.kind in ("planner", "chat") else memory.ENCODERS)
            sizes = {precision: memory.pipeline(parts, precision) for precision in ("fp32", "bf16")}
        else:
            smallest = memory.need(self.shape, "int8", cache="bf16")
            sizes = {"fp32": memory.need(self.shape), "int8": smallest}
        return {precision: one.total for precision, one in sizes.items()}


def known(engine: str = "") -> dict[str, Checkpoint]:
    """All published checkpoints by name, or those of one engine."""
    return {name: one for name, one in _table()[0].items() if engine in ("", one.engine)}


def uses(engine: str) -> dict[str, Use]:
    """How an engine's checkpoints are used, by their kind."""
    return _table()[1][engine]


@cache
def _table() -> tuple[dict[str, Checkpoint], dict[str, dict[str, Use]]]:
    said = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    licences = {key: Licence(**values) for key, values in said["licence"].items()}
    kinds = {
        name: {kind: Use(dict(one["defaults"]), tuple(one["tasks"])) for kind, one in engine.get("kind", {}).items()}
        for name, engine in said["engine"].items()
    }
    found = {}
    for name, values in said["checkpoint"].items():
        engine = said["engine"][values["engine"]]
        usual = kinds[values["engine"]].get(values["kind"], Use({}))
        use = Use(engine.get("defaults", {}) | usual.defaults | values.get("defaults", {}), usual.tasks)
        found[name] = _checkpoint(name, values, engine, licences, use)
    return found, kinds


def _checkpoint(
    name: str, said: dict[str, Any], engine: dict[str, Any], licences: dict[str, Licence], use: Use
) -> Checkpoint:
    files = tuple(File(**file) for file in (*engine["files"], *said.get("weights", ())))
    parts = [said[part] for part in ("layers", "hidden", "codebooks", "cross") if part in said]
    return Checkpoint(
        name=name,
        **{key: said[key] for key in ("repo", "revision", "engine", "kind", "parameters", "notes")},
        layout=said.get("layout", engine["layout"]),
        channels=said.get("channels") or engine["channels"],
        bytes=said.get("bytes", sum(file.bytes for file in files)),
        files=files,
        wanted=tuple(said.get("wanted", engine.get("wanted", ()))),
        inside=said.get("inside", ""),
        licence=licences[said.get("licence", engine["licence"])],
        use=use,
        shape=memory.Shape(*parts) if parts else None,
    )
