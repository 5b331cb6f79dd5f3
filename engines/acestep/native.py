"""Checkpoints in ACE-Step's own layout, made once into the folder that diffusers reads.

    config.json, model.safetensors or shards and their index, silence_latent.pt    the transformer and all around it
    vae/, Qwen3-Embedding-0.6B/                                                    shared: they come with the umbrella
        ->
    <home>/checkpoints/.diffusers-<name>-<fingerprint>/    model_index.json, transformer/, condition_encoder/, ...

Tensors are copied from file to file under diffusers' names. Each must be one that diffusers' classes have, in the shape
that config.json says, and none of theirs may be missing. What both folders share is linked where the disk can.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkpoints
import durable
from checkpoints import Watch, quiet
from checkpoints.shelf import MADE, locked, made_of
from checkpoints.tensors import Tensor, put, tensors
from checkpoints.whole import AGAIN, INDEX, PART_SINGLE, PIPELINE, SILENCE, read_object
from engines.acestep.parts import CONDITIONS, PARTS, TRANSFORMER, Part, agree, config, place
from settings import settings
from song.errors import BadCheckpoint, DiskFull
from song.progress import Progress

VAE, TEXT_ENCODER = "vae", "Qwen3-Embedding-0.6B"  # folders of the umbrella repository
UMBRELLA = "acestep-v15-turbo"  # the checkpoint that has them
MAX_SILENCE = 1 << 26  # bytes; the published one has 4 MB
_TOKENIZER = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "chat_template.jinja"),
)
_SCHEDULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1, "shift": 1.0}


@dataclass(frozen=True, eq=False)
class Plan:
    """What goes into the new folder: tensors and config of every part, and files of others: (folder, name) -> file."""

    parts: Mapping[Part, Mapping[str, Tensor]]
    configs: Mapping[Part, Mapping[str, Any]]
    files: Mapping[tuple[str, str], Path]

    @property
    def bytes(self) -> int:
        """Of the tensors."""
        return sum(one.bytes for found in self.parts.values() for one in found.values())


def readable(name: str, folder: Path, progress: Progress) -> Path:
    """The folder that diffusers reads of a checkpoint in any layout; see `converted`."""
    if checkpoints.layout(folder) != "native":
        return folder
    return converted(name, folder, lambda done, total, _: progress(0.0, f"Converting {name}, {done / total:.0%}"))


def tokenizes(folder: Path) -> bool:
    """Whether a checkpoint in ACE-Step's layout can turn sound into audio codes, as covers need it."""
    inner = checkpoints.native(folder)
    return inner is not None and any(name.startswith("tokenizer.") for name in tensors(inner))


def converted(name: str, folder: Path, progress: Watch = quiet) -> Path:
    """The folder for diffusers of a checkpoint in ACE-Step's layout; made now, where there is none.

    Raises BadCheckpoint for files that are missing or not what they should be, DiskFull, and whatever `progress`
    raises; there is then no such folder.
    """
    name = Path(name).name
    made = settings().fetched / f"{MADE}{name}-{checkpoints.fingerprint(folder)}"
    if made.is_dir():
        return made
    with durable.room():
        made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(name, progress):
            if not made.is_dir():
                _convert(name, folder, made, progress)
    return made


@contextlib.contextmanager
def _alone(name: str, progress: Watch) -> Iterator[None]:
    """Wait until nobody else converts, fetches or forgets this."""
    with contextlib.ExitStack() as stack:
        while not stack.enter_context(locked(name)):
            progress(0, 1, "waiting for another conversion")
            time.sleep(0.1)
        yield


def _convert(name: str, folder: Path, made: Path, progress: Watch) -> None:
    begun = made.with_name(f"{durable.TEMPORARY}{made.name}")
    shutil.rmtree(begun, ignore_errors=True)  # of a process that was killed
    begun.mkdir()
    try:
        plan = _planned(name, folder, begun, progress)
        _check_room(name, made.parent, plan)
        _write(begun, plan, progress)
        checkpoints.check(begun)
        os.replace(begun, made)
        durable.sync_folder(made.parent)
        for outdated in set(made_of(name)) - {made}:
            shutil.rmtree(outdated, ignore_errors=True)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


# --- what is there ----------------------------------------------------------------------------------------------------


def _planned(name: str, folder: Path, begun: Path, progress: Watch) -> Plan:
    """Everything that will be written, looked at, and what is borrowed held against its hashes. Raises
    BadCheckpoint."""
    inner = checkpoints.native(folder)
    if inner is None:
        raise BadCheckpoint(f"{folder} is not in ACE-Step's own layout: it has no config.json beside a {SILENCE}.")
    checkpoints.check(folder)
    said = read_object(inner / "config.json")
    parts = _sorted(inner)
    parts[CONDITIONS]["silence_latent"] = _silence(inner, begun)
    configs = {part: config(part, said, inner / "config.json") for part in parts}
    for part, found in parts.items():
        agree(part.name, inner, configs[part], {new: one.shape for new, one in found.items()})
    vae, encoder = (_shared(name, folder, inner, one) for one in (VAE, TEXT_ENCODER))
    for shared in (vae, encoder):
        checkpoints.verify(shared, progress)
    files = _vae_files(vae, configs[TRANSFORMER]["audio_acoustic_hidden_dim"])
    files |= _encoder_files(encoder, configs[CONDITIONS]["text_hidden_dim"])
    return Plan(parts, configs, files)


def _sorted(inner: Path) -> dict[Part, dict[str, Tensor]]:
    """The tensors of every part that is there, by diffusers' names. Raises BadCheckpoint."""
    found: dict[Part, dict[str, Tensor]] = {part: {} for part in PARTS if part.needed}
    for name, tensor in tensors(inner).items():
        where = place(name)
        if where is None:
            raise BadCheckpoint(f"{inner} has an unknown {name[:80]}, which is no part of ACE-Step 1.5; {AGAIN}.")
        found.setdefault(where[0], {})[where[1]] = tensor
    return found


def _silence(inner: Path, begun: Path) -> Tensor:
    """The latents of silence, from (1, channels, frames) to (1, frames, channels). A pickle, which is read for a tensor
    and nothing else; it is put down as a file like the others, for as long as the conversion takes."""
    import torch
    from safetensors.torch import save_file

    path, beside = inner / SILENCE, begun / "silence.safetensors"
    try:
        if path.stat().st_size > MAX_SILENCE:
            raise ValueError(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
        save_file({"silence_latent": found.transpose(1, 2).contiguous()}, beside)
    except Exception:  # what is raised by a file that holds something else is up to that file
        raise BadCheckpoint(f"{path} does not hold one tensor of three dimensions, and only that; {AGAIN}.") from None
    return tensors(begun, beside.name)["silence_latent"]


def _shared(name: str, folder: Path, inner: Path, part: str) -> Path:
    """A folder that checkpoints share: in this one, beside it, or in the umbrella. Raises BadCheckpoint."""
    for around in (inner.parent, folder, folder.parent, *checkpoints.places(UMBRELLA)):
        if (around / part / "config.json").is_file():
            return around / part
    raise BadCheckpoint(
        f"{name} needs {part}, which ACE-Step's checkpoints share and which is not here; it comes with {UMBRELLA}, so "
        f"get that one, too: studio models get {UMBRELLA}."
    )


def _vae_files(vae: Path, latents: int) -> dict[tuple[str, str], Path]:
    said = read_object(vae / "config.json")
    if said.get("_class_name") != "AutoencoderOobleck" or said.get("decoder_input_channels") != latents:
        raise BadCheckpoint(f"{vae} is not the VAE of this checkpoint, whose latents have {latents} channels; {AGAIN}.")
    agree("VAE", vae, said, {name: one.shape for name, one in tensors(vae, PART_SINGLE).items()})
    return {("vae", name): vae / name for name in ("config.json", PART_SINGLE)}


def _encoder_files(encoder: Path, width: int) -> dict[tuple[str, str], Path]:
    said = read_object(encoder / "config.json")
    if said.get("model_type") != "qwen3" or said.get("hidden_size") != width:
        raise BadCheckpoint(f"{encoder} is not the text encoder of this checkpoint, a Qwen3 of width {width}; {AGAIN}.")
    read_object(encoder / "tokenizer.json")
    weights = sorted({one.file.name for one in tensors(encoder).values()})
    index = [INDEX] if (encoder / INDEX).exists() else []
    model = {("text_encoder", name): encoder / name for name in ("config.json", *weights, *index)}
    return model | {("tokenizer", name): encoder / name for name in _TOKENIZER if (encoder / name).exists()}


def _check_room(name: str, shelf: Path, plan: Plan) -> None:
    """Bytes needed against bytes free: files on the same disk are linked. Raises DiskFull."""
    disk = shelf.stat().st_dev
    stats = [file.stat() for file in plan.files.values()]
    needed = plan.bytes + sum(one.st_size for one in stats if one.st_dev != disk)
    free, least = shutil.disk_usage(shelf).free, settings().min_free_disk
    if needed > free - least:
        raise DiskFull(
            f"{name} is in ACE-Step's own layout and is converted once, which takes {needed / 1e9:.2f} GB of disk; "
            f"{free / 1e9:.2f} GB are free and {least / 1e9:.2f} GB of them stay free: make room, or set STUDIO_HOME "
            "to another disk."
        )


# --- what is made of it -----------------------------------------------------------------------------------------------


def _write(begun: Path, plan: Plan, progress: Watch) -> None:
    """All of the new folder, synced."""
    done, total = 0, plan.bytes
    for part, found in plan.parts.items():

        def beat(more: int, part: Part = part) -> None:
            nonlocal done
            done += more
            progress(done, total, part.name)

        _put_json(begun / part.name / "config.json", plan.configs[part])
        put(begun / part.name / PART_SINGLE, found, beat)
    (begun / "silence.safetensors").unlink()
    for (inside, name), file in plan.files.items():
        _take(file, begun / inside / name)
    _put_json(begun / "scheduler" / "scheduler_config.json", _SCHEDULER)
    _put_json(begun / PIPELINE, _index(plan))
    for folder in (begun, *(path for path in begun.iterdir() if path.is_dir())):
        durable.sync_folder(folder)


def _index(plan: Plan) -> dict[str, Any]:
    import diffusers

    return {
        "_class_name": "AceStepPipeline",
        "_diffusers_version": diffusers.__version__,
        "scheduler": ["diffusers", _SCHEDULER["_class_name"]],
        "text_encoder": ["transformers", "Qwen3Model"],
        "tokenizer": ["transformers", "Qwen2Tokenizer"],
        "vae": ["diffusers", "AutoencoderOobleck"],
        **{part.name: [part.library, part.kind] for part in plan.parts},
    }


def _put_json(path: Path, said: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    durable.write_text(path, json.dumps(said, indent=1))


def _take(file: Path, as_file: Path) -> None:
    """A file under another name: linked, or copied where the disk cannot."""
    as_file.parent.mkdir(exist_ok=True)
    try:
        os.link(file.resolve(), as_file)
    except OSError:
        durable.copy(file, as_file)
