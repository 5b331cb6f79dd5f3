"""Which MusicGen checkpoints are on this machine, of those that the checkpoint room finds, and what they are."""

import json
from pathlib import Path

import checkpoints

KINDS = ("musicgen", "musicgen_melody", "audiocraft")  # what a checkpoint's config calls itself; the last has none
AUDIOCRAFT = "state_dict.bin"  # what audiocraft keeps the weights of a model in
GET = "studio models get musicgen-small"


def places() -> dict[str, Path]:
    """Folders with a whole checkpoint by name, in alphabetical order."""
    return {one.name: one.path for one in checkpoints.there() if one.problem is None and kind(one.path) in KINDS}


def licence(name: str) -> str:
    """What may be done with what a checkpoint makes, in one sentence."""
    published = checkpoints.known("musicgen").get(name)
    if published is not None:
        return published.licence.sentence
    return (
        f"{name} is a checkpoint of your own; if it was trained from Meta's weights, theirs is its licence, too: "
        "CC-BY-NC 4.0, not for commercial use."
    )


def kind(folder: Path) -> str | None:
    """What the config in a folder says it is; None where there is none that can be read."""
    if (folder / AUDIOCRAFT).is_file() and not (folder / "config.json").exists():
        return "audiocraft"
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def revision(folder: Path) -> str:
    """A fingerprint of a checkpoint."""
    return checkpoints.fingerprint(folder)
