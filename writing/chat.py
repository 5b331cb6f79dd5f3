"""A chat model in memory: what it is asked in, what it says out, piece by piece. Weights are read by transformers, as
safetensors, from this machine alone; no code of others is run.

One model is kept at a time, until it is told to go: an engine, or another model, may need its room.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import checkpoints
import memory
from checkpoints.reading import complaining, language_model
from checkpoints.whole import read_object
from song.errors import BadCheckpoint, BadRequest, CannotMake
from song.progress import Progress
from song.writing import Chatting
from writing import answer

WHAT = "The language model"
PRECISIONS = ("fp32", "bf16")  # on a processor the first that fits; a GPU takes the second
PUBLISHED = "generation_config.json"  # how a model's makers let it draw
TAKEN = (  # of that what belongs to drawing one token after the other, and is no knob of ours
    "repetition_penalty",
    "no_repeat_ngram_size",
    "min_p",
    "top_h",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "sequence_bias",
    "renormalize_logits",
)
MEANT = ("do_sample", "temperature", "top_p", "top_k", "max_new_tokens", "max_length", "eos_token_id", "stop_strings",
         "pad_token_id", "bos_token_id", "use_cache", "transformers_version", "_from_model_config")  # fmt: skip
_PROMPT = 1024  # tokens that what is asked takes, about, for the memory it needs

log = logging.getLogger("studio.writing")


@dataclass(frozen=True)
class Said:
    """An answer, as it came; `tokens` with those that ended it, `cut` where it was cut off, `unused` what its makers
    set that is not drawing."""

    text: str
    tokens: int
    cut: bool
    unused: tuple[str, ...] = ()


class Model:
    """One chat model, loaded. Raises CannotMake where its files cannot be used."""

    def __init__(self, name: str, folder: Path, device: str, precision: str):
        """`device` is torch's name for it; `precision` is one of PRECISIONS."""
        self.name, self.folder, self.device, self.precision = name, folder, device, precision
        with complaining(WHAT, name):
            self.net, self.tokenizer = language_model(folder, device, precision)
            self.published = read_object(folder / PUBLISHED) if (folder / PUBLISHED).exists() else {}
        self.ends, self.stops = self._ends(), self._stops()

    def say(self, asked: str, chance: Chatting, seed: int, hear: Callable[[str], None], progress: Progress) -> Said:
        """Answer; `hear` gets the text so far after every token, and may raise to stop it. Same seed, same words on the
        same machine. Raises BadRequest where it is too long for the model, CannotMake where it breaks, and whatever
        `progress` raises."""
        import torch

        with complaining(WHAT, self.name):
            prompt = self._prompt(asked)
        self._check_length(prompt.shape[1], chance.max_tokens)
        opened = self.tokenizer.decode(prompt[0]).rstrip().endswith("<think>")  # some templates begin to think for it
        before = "<think>" * opened
        heard = _Heard(self.tokenizer, prompt.shape[1], chance.max_tokens, hear, progress, before, self.stops)
        devices = [self.device] if self.device.startswith("cuda") else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(seed)
            written = self._written(prompt, chance, heard)
        tokens = written[0, prompt.shape[1] :].tolist()  # the prompt is taken off by its tokens, not by its text
        ended = bool(tokens) and (tokens[-1] in self.ends or heard.stopped)
        return Said(heard.text, len(tokens), not ended, self._unused())

    def _written(self, prompt: Any, chance: Chatting, heard: "_Heard") -> Any:
        """(1, tokens): what was asked, and the answer. Whatever a model's own settings break is said in a sentence."""
        import torch
        import transformers

        try:
            return self.net.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                generation_config=self._chance(chance),
                streamer=heard,
                stopping_criteria=transformers.StoppingCriteriaList([heard.over]),
            )
        except Exception as error:  # each library has faults of its own
            if error is heard.fault or isinstance(error, MemoryError):
                raise
            if memory.ran_out(error):
                raise CannotMake(
                    f"There is not enough memory to write with {self.name} in {self.precision}; close other programs, "
                    "or choose a smaller model."
                ) from error
            log.error("%s cannot write", self.name, exc_info=error)
            raise CannotMake(
                f"{WHAT} {self.name} broke while it wrote ({type(error).__name__}); if its {PUBLISHED} is not as its "
                "makers published it, copy that again, else choose another writer. The log says more."
            ) from error

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
        """Tokens that end an answer. Raises BadCheckpoint."""
        usual = getattr(self.net.config.get_text_config(), "eos_token_id", None)
        said = self.published.get("eos_token_id", usual)
        ends = [token for token in (said if isinstance(said, list) else [said]) if token is not None]
        if not all(type(token) is int and token >= 0 for token in ends):
            raise BadCheckpoint(f"{self._where} gives eos_token_id {said!r:.80}, which is no token; copy it again.")
        return {*ends, self.tokenizer.eos_token_id} - {None}

    def _stops(self) -> tuple[str, ...]:
        """Texts that end an answer and are no part of it. Raises BadCheckpoint."""
        said = self.published.get("stop_strings") or []
        stops = (said,) if isinstance(said, str) else tuple(said) if isinstance(said, list) else (None,)
        if not all(isinstance(stop, str) and stop for stop in stops):
            raise BadCheckpoint(f"{self._where} gives stop_strings {said!r:.80}, which are no texts; copy it again.")
        return stops

    @property
    def _where(self) -> Path:
        return self.folder / PUBLISHED

    def _unused(self) -> tuple[str, ...]:
        """What its makers set that would change its words and is no drawing: beams, guidance, code of their own."""
        left = {name: value for name, value in self.published.items() if name not in (*TAKEN, *MEANT)}
        return tuple(name for name, value in left.items() if value is True or (value and value != 1))

    def _chance(self, chance: Chatting) -> Any:
        """How tokens are drawn: as was asked, and in all else that is drawing as the model was published."""
        import transformers

        drawn: dict[str, Any] = {"temperature": None, "top_p": None, "top_k": None}
        if chance.temperature > 0:
            top_p = chance.top_p if 0 < chance.top_p < 1 else 1.0
            drawn = {"temperature": chance.temperature, "top_p": top_p, "top_k": chance.top_k}
        ends = sorted(self.ends)
        return transformers.GenerationConfig(
            **{name: self.published[name] for name in TAKEN if name in self.published},
            **drawn,
            do_sample=chance.temperature > 0,
            max_new_tokens=chance.max_tokens,
            eos_token_id=ends or None,
            pad_token_id=ends[0] if ends else 0,
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
        stops: tuple[str, ...] = (),
    ):
        self.text = self._settled = before
        self.fault: Exception | None = None  # what `hear` or `progress` raised
        self.stopped = False
        self._tokenizer, self._most, self._hear, self._progress = tokenizer, most, hear, progress
        self._waiting: list[int] = []
        self._count = -prompt  # transformers hands over the prompt first
        self._stops = stops

    def put(self, tokens: Any) -> None:
        try:
            self._put(tokens)
        except Exception as error:
            self.fault = error
            raise

    def _put(self, tokens: Any) -> None:
        first = self._count < 0
        self._count += tokens.numel()
        self._progress(0.1 + 0.9 * self._count / self._most, "Writing")
        if first or self.stopped:  # a token more is drawn before `over` is asked
            return
        self._waiting += tokens.flatten().tolist()
        line = self._tokenizer.decode(self._waiting, skip_special_tokens=False)
        self.text = self._settled + line.rstrip("\ufffd")
        end = answer.end(self.text, self._stops)
        self.stopped = end is not None or answer.stopped(self.text)
        self.text = self.text[:end]
        if line.endswith("\n"):
            self._settled, self._waiting = self.text, []
        self._hear(self.text)

    def end(self) -> None:
        pass

    def over(self, tokens: Any, scores: Any, **_: Any) -> Any:
        """Whether each of the texts is at its end: (1,) bool."""
        import torch

        return torch.full((tokens.shape[0],), self.stopped, device=tokens.device)


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
