"""Which ACE-Step checkpoints are on this machine, of those that the checkpoint room finds, and what each can do."""

import json
from pathlib import Path
from typing import Any

import checkpoints
from engines.acestep import native
from song.errors import BadRequest, EngineMissing, StudioError

ENGINE = "acestep"
GET = "studio models get acestep-v15-turbo-diffusers"
KINDS = ("turbo", "sft", "base")  # "auto" takes the first that can do it: they are in the order of their speed
TASKS = {  # what the model calls what the studio does
    "generate": "text2music",
    "cover": "cover",
    "extend": "repaint",
    "repaint": "repaint",
    "add": "lego",
    "extract": "extract",
    "complete": "complete",
}


def places() -> dict[str, Path]:
    """Folders with a whole checkpoint by name, in alphabetical order. One in ACE-Step's own layout is converted when it
    is first used."""
    layouts = ("diffusers", "native")
    return {one.name: one.path for one in checkpoints.there() if one.problem is None and one.layout in layouts}


def kind(name: str, folder: Path) -> str:
    """What it was distilled or trained to: one of KINDS. One that does not say is taken for the least able."""
    published = checkpoints.known(ENGINE).get(name)
    return checkpoints.kind(folder) or (published.kind if published else "sft")


def use(name: str, folder: Path) -> checkpoints.Use:
    """How a checkpoint is used, and what it can do. Without an audio tokenizer it makes no covers."""
    published = checkpoints.known(ENGINE).get(name)
    usual = published.use if published else checkpoints.uses(ENGINE)[kind(name, folder)]
    if (folder / "audio_tokenizer" / "config.json").is_file() or native.tokenizes(folder):
        return usual
    return checkpoints.Use(usual.defaults, tuple(task for task in usual.tasks if task != "cover"))


def width(folder: Path) -> int:
    """How wide its transformer is: 2048 (2B) or 2560 (XL)."""
    return _size(folder, "hidden_size")


def heads(folder: Path) -> int:
    """How many heads a layer of its transformer has: 16 (2B)."""
    return _size(folder, "num_attention_heads")


def _size(folder: Path, name: str) -> int:
    inner = checkpoints.native(folder) or folder / "transformer"
    return int(json.loads((inner / "config.json").read_text(encoding="utf-8"))[name])


def licence(name: str) -> str:
    """What may be done with what a checkpoint makes, in one sentence."""
    published = checkpoints.known(ENGINE).get(name)
    if published is not None:
        return published.licence.sentence
    return f"{name} is a checkpoint of your own; ACE-Step 1.5's weights, if it was trained from them, are under MIT."


def wanted(request: Any) -> str:
    """What a request asks of the model, by the model's name for it."""
    return TASKS[request.task if request.mode == "edit" else request.mode]


def chosen(request: Any) -> tuple[str, Path]:
    """The checkpoint for a request. Raises BadRequest for one that is not here or cannot do it, EngineMissing."""
    there, task = places(), wanted(request)
    if not there:
        raise EngineMissing(f"ACE-Step has no checkpoint here; get one with: {GET}.")
    able = [name for name, folder in there.items() if task in use(name, folder).tasks]
    if request.checkpoint == "auto":
        if not able:
            raise BadRequest("checkpoint", f"none of those here can do this ({task}); {_instead(task, able)}")
        name = min(able, key=lambda one: (KINDS.index(kind(one, there[one])), checkpoints.size(there[one]), one))
        return name, there[name]
    if request.checkpoint not in there:
        raise _not_here(request.checkpoint, there)
    if request.checkpoint not in able:
        raise BadRequest("checkpoint", f"{request.checkpoint} cannot do this ({task}); {_instead(task, able)}")
    return request.checkpoint, there[request.checkpoint]


def _instead(task: str, able: list[str]) -> str:
    """What to do about a checkpoint that cannot do something."""
    if able:
        return f"choose {' or '.join(able)}"
    if task == "cover":
        return "get one with an audio tokenizer: studio models get acestep-v15-turbo-diffusers"
    return "get a base one: studio models get acestep-v15-base-diffusers"


def _not_here(name: str, there: dict[str, Path]) -> StudioError:
    """Why a checkpoint cannot be had: it is broken, it could be fetched, or nobody knows it."""
    if why := checkpoints.broken(name):
        return why
    if name in checkpoints.known(ENGINE):
        try:
            checkpoints.need(name)
        except StudioError as error:
            return error
    return BadRequest("checkpoint", f"there is none of this name here; there is {', '.join(there)}")
