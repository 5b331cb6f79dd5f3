"""Who writes: the studio's own writer, or a chat model that is on this machine."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import checkpoints
from composer.language import foreign
from song.errors import BadRequest, EngineMissing
from song.languages import ENGLISH
from song.writing import OTHERS, WriteLyrics

EMBEDDED, AUTO = "embedded", "auto"
VERSION = "1"  # of the embedded writer; changes whenever the same brief would be written otherwise
ENGINE, KIND = "writer", "chat"


@dataclass(frozen=True)
class Writer:
    """Who writes, in which language, and why that one; `folder` is a chat model's, None for the embedded writer."""

    name: str
    language: str
    folder: Path | None = None
    why: str = ""

    @property
    def version(self) -> str:
        """What tells its words from those of another version of it: the commit that was downloaded, else a
        fingerprint of the files."""
        if self.folder is None:
            return VERSION
        said = str(checkpoints.manifest(self.folder).get("revision") or "")
        return said[:12] or checkpoints.fingerprint(self.folder)

    @property
    def licence(self) -> str:
        """The licence of its weights; "" where it has none, or where it is not known here."""
        published = checkpoints.known(ENGINE).get(self.name)
        return published.licence.name if published else ""


def language(request: WriteLyrics) -> str:
    """The language to write in: the one that was asked for, or else that of the brief."""
    return request.language or foreign(request.brief) or ENGLISH


def models() -> dict[str, Path]:
    """Folders of the chat models that are here, by name: those that are published first."""
    there = {one.name: one.path for one in checkpoints.there() if one.problem is None and one.kind == KIND}
    published = [name for name in checkpoints.known(ENGINE) if name in there]
    return {name: there[name] for name in (*published, *there)}


def chosen(request: WriteLyrics) -> Writer:
    """Who writes this. Raises BadRequest for what nobody here can write, EngineMissing for a writer that is missing."""
    spoken = language(request)
    if request.writer == AUTO:
        return _auto(request, spoken)
    if request.writer == EMBEDDED:
        if spoken != ENGLISH:
            raise _foreign(request, spoken)
        return Writer(EMBEDDED, spoken, why="as was asked")
    return Writer(request.writer, spoken, _folder(request.writer), why="as was asked")


def _auto(request: WriteLyrics, spoken: str) -> Writer:
    if spoken == ENGLISH:
        return Writer(EMBEDDED, spoken, why="auto takes it for English")
    if not models():
        raise _foreign(request, spoken)
    _check_libraries()
    name, folder = next(iter(models().items()))
    return Writer(name, spoken, folder, why=f"the words are to be in {spoken}, which the embedded writer does not know")


def _foreign(request: WriteLyrics, spoken: str) -> BadRequest:
    if request.language:
        return BadRequest("language", OTHERS)
    return BadRequest("brief", f"seems to be in {spoken}; {OTHERS}")


def _folder(name: str) -> Path:
    """Where a chat model lies: one of `models()`, or what other tools fetched, by its id on the hub."""
    _check_libraries()
    here = models()
    if folder := here.get(name) or checkpoints.by_id(name):
        return folder
    if why := checkpoints.broken(name):
        raise why
    if name in checkpoints.known(ENGINE):
        checkpoints.need(name)  # says how to get it
    others = ", ".join((AUTO, EMBEDDED, *here, *(one for one in checkpoints.known(ENGINE) if one not in here)))
    raise BadRequest("writer", f"there is none of this name here; choose {others}")


def _check_libraries() -> None:
    if not (find_spec("torch") and find_spec("transformers")):
        raise EngineMissing(
            "Language models need PyTorch and transformers, which are not installed; install them with: make neural."
        )
