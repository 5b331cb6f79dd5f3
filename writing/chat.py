"""A chat model in memory: what it is asked in, what it says out, piece by piece. Weights are read by transformers, as
safetensors, from this machine alone; no code of others is run.

One model is kept at a time, until it is told to go: an engine, or another model, may need its room.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import checkpoints
import memory
from checkpoints.reading import complaining, language_model
from checkpoints.whole import read_object
from song.errors import BadRequest
from song.progress import Progress
from song.writing import Chatting
from writing import answer

WHAT = "The language model"
PRECISIONS = ("fp32", "bf16")  # on a processor the first that fits; a GPU takes the second
_PROMPT = 1024  # tokens that what is asked takes, about, for the memory it needs


@dataclass(frozen=True)
class Said:
    """An answer, as it came; `tokens` with those that ended it, `cut` where it was cut off."""

    text: str
    tokens: int
    cut: bool


class Model:
    """One chat model, loaded. Raises CannotMake where its files cannot be used."""

    def __init__(self, name: str, folder: Path, device: str, precision: str):
        """`device` is torch's name for it; `precision` is one of PRECISIONS."""
        self.name, self.folder, self.device, self.precision = name, folder, device, precision
        with complaining(WHAT, name):
            self.net, self.tokenizer = language_model(folder, device, precision)

    def say(self, asked: str, chance: Chatting, seed: int, hear: Callable[[str], None], progress: Progress) -> Said:
        """Answer; `hear` gets the text so far after every token, and may raise to stop it. Same seed, same words on the
        same machine. Raises BadRequest where it is too long for the model, and whatever `progress` raises."""
        import torch
        import transformers

        with complaining(WHAT, self.name):
            prompt = self._prompt(asked)
        self._check_length(prompt.shape[1], chance.max_tokens)
        opened = self.tokenizer.decode(prompt[0]).rstrip().endswith("<think>")  # some templates begin to think for it
        heard = _Heard(self.tokenizer, prompt.shape[1], chance.max_tokens, hear, progress, "<think>" * opened)
        devices = [self.device] if self.device.startswith("cuda") else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(seed)
            written = self.net.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                generation_config=self._chance(chance),
                streamer=heard,
                stopping_criteria=transformers.StoppingCriteriaList([heard.over]),
            )
        tokens = written[0, prompt.shape[1] :].tolist()  # the prompt is taken off by its tokens, not by its text
        ended = bool(tokens) and (tokens[-1] in self._ends() or answer.stopped(heard.text))
        return Said(heard.text, len(tokens), not ended)

    def _prompt(self, asked: str) -> Any:
        """(1, tokens): the question as the model's template writes it. One message: not every one knows more."""
        told = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": asked}],
            add_generation_prompt=True,
            enable_thinking=False,  # for those that can choose
            return_tensors="pt",
            return_dict=True,
        )
        return told["input_ids"].to(self.device)

    def _check_length(self, prompt: int, more: int) -> None:
        most = getattr(self.net.config, "max_position_embeddings", None)
        if most is not None and prompt + more > most:
            raise BadRequest(
                "brief",
                f"{self.name} reads and writes {most} tokens in all; this takes {prompt} to ask and up to {more} to "
                "answer, so shorten it or lower max tokens",
            )

    def _ends(self) -> set[int]:
        """Tokens that end an answer."""
        said = self.net.generation_config.eos_token_id
        return {*(said if isinstance(said, list) else [said]), self.tokenizer.eos_token_id} - {None}

    def _chance(self, chance: Chatting) -> Any:
        """How tokens are drawn: as was asked, and in all else as the model was published."""
        import transformers

        told = self.net.generation_config.to_dict()
        drawn: dict[str, Any] = {"temperature": None, "top_p": None, "top_k": None}
        if chance.temperature > 0:
            top_p = chance.top_p if 0 < chance.top_p < 1 else 1.0
            drawn = {"temperature": chance.temperature, "top_p": top_p, "top_k": chance.top_k}
        ends = sorted(self._ends())
        return transformers.GenerationConfig.from_dict(
            told
            | drawn
            | {
                "do_sample": chance.temperature > 0,
                "max_new_tokens": chance.max_tokens,
                "max_length": None,
                "eos_token_id": ends or None,
                "pad_token_id": ends[0] if ends else 0,
            }
        )


class _Heard:
    """What transformers hands tokens to: puts text together, says how far it is, and notices the end.

    Text is decoded line by line, so that a long answer costs no more a token than a short one; bytes of a character
    that is not whole yet wait.
    """

    def __init__(
        self,
        tokenizer: Any,
        prompt: int,
        most: int,
        hear: Callable[[str], None],
        progress: Progress,
        before: str,
    ):
        self.text = self._settled = before
        self._tokenizer, self._most, self._hear, self._progress = tokenizer, most, hear, progress
        self._waiting: list[int] = []
        self._count = -prompt  # transformers hands over the prompt first

    def put(self, tokens: Any) -> None:
        first = self._count < 0
        self._count += tokens.numel()
        self._progress(0.1 + 0.9 * self._count / self._most, "Writing")
        if first:
            return
        self._waiting += tokens.flatten().tolist()
        line = self._tokenizer.decode(self._waiting, skip_special_tokens=False)
        self.text = self._settled + line.rstrip("\ufffd")
        if line.endswith("\n"):
            self._settled, self._waiting = self.text, []
        self._hear(self.text)

    def end(self) -> None:
        pass

    def over(self, tokens: Any, scores: Any, **_: Any) -> Any:
        """Whether each of the texts is at its end: (1,) bool."""
        import torch

        return torch.full((tokens.shape[0],), answer.stopped(self.text), device=tokens.device)


# --- the one in memory ------------------------------------------------------------------------------------------------

_kept: list[Model] = []


def loaded(name: str, folder: Path, positions: int) -> Model:
    """The model, read if it is not the one in memory, for answers of so many tokens. Raises NotEnoughMemory, with
    numbers, before anything is read."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if not (_kept and (_kept[0].name, _kept[0].folder) == (name, folder)):
        unload()
        precision = _fitting(name, folder, device, positions)
        _kept.append(Model(name, folder, device, precision))
    else:
        needed = replace(_needed(folder, _kept[0].precision, positions), weights=0, working=0)
        memory.require(needed, name, device)
    return _kept[0]


def kept() -> bool:
    """Whether a model is in memory."""
    return bool(_kept)


def unload() -> None:
    """Give back what a model holds."""
    if _kept:
        _kept.clear()
        memory.give_back()


def _fitting(name: str, folder: Path, device: str, positions: int) -> str:
    """The precision to compute in. Raises NotEnoughMemory."""
    with complaining(WHAT, name):
        needs = {one: _needed(folder, one, positions) for one in PRECISIONS}
    if device == "cpu" and needs["fp32"].total <= memory.room(device).usable:
        return "fp32"  # what most processors compute faster in
    memory.require(needs["bf16"], name, device)
    return "bf16"


def _needed(folder: Path, precision: str, positions: int) -> memory.Need:
    config = read_object(folder / "config.json")
    return memory.reader(config, checkpoints.parameters(folder), precision, _PROMPT + positions)
