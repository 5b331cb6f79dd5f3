"""Row 27, broken weights: checkpoints of every kind, each broken in one way, judged by `studio models check` and, but
for the quick way, asked for songs and lyrics of a started studio. Tiny checkpoints with random weights stand for the
published ones; hashes are known of them in the three ways that anybody tells one.
"""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.faults import ROOT, Row, main, running, songs, surroundings

sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "tests")) if place not in sys.path]

RIGHT = "every broken checkpoint is refused before it is loaded, in a sentence that names the file; whole ones are not"
WEIGHTS, TOKENIZER, INDEX = "model.safetensors", "tokenizer.json", "model.safetensors.index.json"
PART, UMBRELLA = "diffusion_pytorch_model.safetensors", "acestep-v15-turbo"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:1bdc99d4\nsize 2364439600\n"
SECONDS = 90.0  # that a job may take on a busy machine
JUDGE = """
import sys, cli
for folder in sys.argv[1:]:
    code = cli.main(["models", "check", folder, "--json"])
    print(f"\\n== {code}", flush=True)
"""
Break = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A copy of the whole checkpoint `kind` that `spoil` breaks; whoever refuses it names `file`. `check` is whether
    `studio models check` of the folder can see it: what a checkpoint borrows is not in its folder."""

    kind: str
    file: str
    spoil: Break
    check: bool = True


# --- ways to break ----------------------------------------------------------------------------------------------------


def holds(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)


def cut(name: str, folder: Path) -> None:
    os.truncate(folder / name, (folder / name).stat().st_size - 100)


def without(name: str, folder: Path) -> None:
    (folder / name).unlink()


def says(name: str, folder: Path, **said: Any) -> None:
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | said))


def lies(folder: Path) -> None:
    """A header longer than its file."""
    with (folder / WEIGHTS).open("r+b") as file:
        file.write((2**40).to_bytes(8, "little"))


def shards(spoil: Break, folder: Path) -> None:
    """The weights in two files with an index, and then broken."""
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / WEIGHTS)
    where = {name: f"{place % 2}.safetensors" for place, name in enumerate(sorted(tensors))}
    for shard in ("0.safetensors", "1.safetensors"):
        save_file({name: one for name, one in tensors.items() if where[name] == shard}, folder / shard)
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}))
    spoil(folder)


def swapped(folder: Path) -> None:
    shutil.copy(folder / "0.safetensors", folder / "1.safetensors")


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


# --- ways to know a hash ----------------------------------------------------------------------------------------------


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def listed(folder: Path) -> None:
    """As the studio's own downloads."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    about = {str(path.relative_to(folder)): {"bytes": path.stat().st_size, "hash": sha256(path)} for path in files}
    (folder / "studio.json").write_text(json.dumps({"files": about}))


def noted(folder: Path) -> None:
    """As what `hf download --local-dir` leaves."""
    for path in [path for path in folder.rglob("*.safetensors") if path.is_file()]:
        name = path.relative_to(folder)
        note = folder / ".cache" / "huggingface" / "download" / f"{name}.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{'0' * 40}\n{sha256(path)}\n{time.time()}\n")


def cached(folder: Path) -> None:
    """As a snapshot in the hub's cache: links to files that are called by their hash."""
    for path in folder.glob("*.safetensors"):
        blob = folder.parent / "blobs" / sha256(path)
        blob.parent.mkdir(exist_ok=True)
        os.replace(path, blob)
        path.symlink_to(blob)


def rots(name: str, known: Break, folder: Path, by: bytes = b"") -> None:
    """A bit of the last number turns, or the end becomes `by`; sizes and headers stay."""
    known(folder)
    path = (folder / name).resolve()
    data = path.read_bytes()
    by = by or bytes([data[-1] ^ 4])
    path.write_bytes(data[: -len(by)] + by)


NAN = b"\x00\x00\xc0\x7f" * 4  # float32, little-endian
CASES = {
    "truncated": Case("musicgen", WEIGHTS, partial(cut, WEIGHTS)),
    "pointer": Case("musicgen", WEIGHTS, partial(holds, WEIGHTS, LFS)),
    "zero-length": Case("musicgen", WEIGHTS, partial(holds, WEIGHTS, b"")),
    "no-weights": Case("musicgen", WEIGHTS, partial(without, WEIGHTS)),
    "pickle": Case("musicgen", WEIGHTS, partial(holds, WEIGHTS, pickle.dumps({"a": 1}))),
    "header-lies": Case("musicgen", WEIGHTS, lies),
    "no-shard": Case("musicgen", "1.safetensors", partial(shards, partial(without, "1.safetensors"))),
    "shard-cut": Case("musicgen", "1.safetensors", partial(shards, partial(cut, "1.safetensors"))),
    "shard-swapped": Case("musicgen", "1.safetensors", partial(shards, swapped)),
    "no-json": Case("musicgen", "config.json", partial(holds, "config.json", b"{'a': 1}")),
    "another-model": Case("musicgen", "config.json", partial(says, "config.json", model_type="gpt2")),
    "no-tokenizer": Case("musicgen", TOKENIZER, partial(without, TOKENIZER)),
    "tokenizer-pointer": Case("musicgen", TOKENIZER, partial(holds, TOKENIZER, LFS)),
    "rot-listed": Case("musicgen", WEIGHTS, partial(rots, WEIGHTS, listed)),
    "rot-noted": Case("musicgen", WEIGHTS, partial(rots, WEIGHTS, noted)),
    "rot-cached": Case("musicgen", WEIGHTS, partial(rots, WEIGHTS, cached)),
    "nan": Case("musicgen", WEIGHTS, partial(rots, WEIGHTS, listed, by=NAN)),
    "chat-no-tokenizer": Case("chat", TOKENIZER, partial(without, TOKENIZER)),
    "chat-no-template": Case("chat", "tokenizer_config.json", no_template),
    "chat-foreign": Case(
        "chat", "config.json", partial(says, "config.json", auto_map={"AutoModelForCausalLM": "mine.Mine"})
    ),
    "chat-rot": Case("chat", WEIGHTS, partial(rots, WEIGHTS, listed)),
    "ace-no-vae": Case("acestep", f"vae/{PART}", partial(without, f"vae/{PART}")),
    "ace-cut": Case("acestep", f"transformer/{PART}", partial(cut, f"transformer/{PART}")),
    "ace-foreign": Case("acestep", "model_index.json", partial(says, "model_index.json", vae=["os", "system"])),
    "ace-no-class": Case("acestep", "model_index.json", partial(says, "model_index.json", vae=["diffusers", None])),
    "ace-rot": Case("acestep", f"transformer/{PART}", partial(rots, f"transformer/{PART}", listed)),
    "demucs-cut": Case("demucs", "0ddba11.safetensors", partial(cut, "0ddba11.safetensors")),
    "demucs-rot": Case("demucs", "0ddba11.safetensors", partial(rots, "0ddba11.safetensors", listed)),
}
BORROWED = f"vae/{PART}"  # of the umbrella, by a checkpoint in ACE-Step's own layout


# --- measuring --------------------------------------------------------------------------------------------------------


def measure(home: Path, quick: bool) -> Row:
    wrong: list[str] = []
    whole, shelf = home / "whole", home / "shelf"
    build(whole)
    for name, case in CASES.items():
        shutil.copytree(whole / case.kind, shelf / name)
        case.spoil(shelf / name)
    folders = [*(whole / kind for kind in KINDS), *(shelf / name for name in CASES)]
    said = checked(home / "judge", folders)
    for kind in KINDS:
        if said[whole / kind][0] != "0":
            wrong.append(f"the whole {kind} is refused: {said[whole / kind][1]}")
    seen = 0
    for name, case in CASES.items():
        code, words = said[shelf / name]
        fault = "" if code == "3" else f"ends with {code}"
        seen += named(f"{name}, checked", words, shelf / name / case.file, wrong, fault)
    figures: dict[str, float] = {"broken": len(CASES), "seen_by_check": seen}
    return Row(figures | ({} if quick else played(home, whole, shelf, wrong)), tuple(wrong))


def build(whole: Path) -> None:
    import tiny
    import tiny_acestep
    import tiny_chat
    import tiny_demucs

    tiny.checkpoint(whole / "musicgen")
    tiny_chat.checkpoint(whole / "chat")
    tiny_acestep.checkpoint(whole / "acestep")
    tiny_demucs.checkpoint(whole / "demucs")


KINDS = ("musicgen", "chat", "acestep", "demucs")


def checked(home: Path, folders: list[Path]) -> dict[Path, tuple[str, str]]:
    """Exit code and words of `studio models check` for each folder."""
    command = [sys.executable, "-c", JUDGE, *map(str, folders)]
    done = subprocess.run(
        command, cwd=ROOT, env=surroundings(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    words: list[str] = []
    found: dict[Path, tuple[str, str]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("== "):
            found[folders[len(found)]] = line.removeprefix("== "), "\n".join(words).strip()
            words = []
        else:
            words.append(line)
    return {folder: found.get(folder, ("", done.stdout[-300:])) for folder in folders}


def named(title: str, words: str, file: Path, wrong: list[str], fault: str = "") -> bool:
    """Whether this is one sentence about that file; else what is `wrong`."""
    plain = "\n" not in words and "Traceback" not in words and "Error(" not in words and words.rstrip().endswith(".")
    if plain and str(file) in words and not fault:
        return True
    wrong.append(f"{title}: {fault or 'does not name ' + file.name} in: {words[:300]}")
    return False


def played(home: Path, whole: Path, shelf: Path, wrong: list[str]) -> dict[str, float]:
    """Songs and lyrics asked of a studio that has all of them."""
    for kind in ("musicgen", "chat", "acestep"):
        shutil.copytree(whole / kind, shelf / f"whole-{kind}")
    borrower(shelf)
    asked = {name: case.kind for name, case in CASES.items() if case.kind != "demucs"}
    asked |= {"borrower": "acestep", "whole-musicgen": "musicgen"}
    files = {name: shelf / name / CASES[name].file for name in asked if name in CASES}
    files["borrower"] = shelf / UMBRELLA / BORROWED
    refused = 0
    with running(home / "studio", checkpoints=shelf, min_free_disk=0) as studio:
        for name, kind in asked.items():
            state, words = tried(studio.url, studio.home, name, kind)
            if name in files:
                refused += named(f"{name}, played", words, files[name], wrong, "" if state != "done" else "was played")
            elif state != "done":
                wrong.append(f"{name} is whole, and was not played: {words}")
        if studio.tracebacks:
            last = studio.log.read_text(errors="replace").rpartition("Traceback")[2]
            wrong.append(f"{studio.tracebacks} tracebacks in the log, the last: {last[:1500]}")
    return {"asked_for": len(files), "refused": refused}


def borrower(shelf: Path) -> None:
    """A checkpoint in ACE-Step's own layout, without VAE and text encoder, and the umbrella that has them, whose VAE
    rots."""
    import tiny_native

    pipeline = tiny_native.built()
    tiny_native.model(shelf / "borrower", pipeline)
    umbrella = tiny_native.umbrella(shelf / UMBRELLA, pipeline)
    rots(BORROWED, listed, umbrella)


def tried(url: str, home: Path, name: str, kind: str) -> tuple[str, str]:
    """How it ends where the checkpoint `name` is asked for something, and the words."""
    try:
        if kind == "chat":
            songs.call(url, "lyrics", brief="the sea", writer=name, seed=1)
            return "done", ""
        song = {"prompt": "lofi", "duration": 1 if kind == "musicgen" else 10, "seed": 1}
        id = str(songs.call(url, "submit", **song, engine=kind, checkpoint=name)[0]["id"])
    except songs.Refused as refused:
        return "refused", sentence(str(refused))
    row = songs.ended(home, [id], SECONDS)[id]
    return row.state, row.sentence or row.state


def sentence(words: str) -> str:
    """What a refusal says, out of its JSON."""
    try:
        said = json.loads(words)
    except ValueError:
        return words
    return str(next((said[key] for key in ("detail", "error", "message") if said.get(key)), said)) if said else words


if __name__ == "__main__":
    sys.exit(main(RIGHT, measure, sys.argv[1:]))
