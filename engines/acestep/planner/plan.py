"""Words -> plan: first the metadata that nobody gave, then the song in codes, five a second.

Who decides: what the user gave stands in the think block as it is, and the planner goes on from there. What it writes
itself is held to the values that there are, token by token; of a song's codes there are as many as it is long.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import memory
from checkpoints.reading import check_intact
from engines.acestep.planner import metas, prompt
from engines.acestep.planner.metas import FIELDS, Metas
from engines.acestep.planner.model import Chance, Model, Rows, drawn, require
from song.errors import BadRequest, CannotMake
from song.progress import Progress, part

if TYPE_CHECKING:
    from torch import Tensor

PER_SECOND = 5  # codes
THOUGHTS = 0.1  # of the whole work, about
_NOTHING, _PUBLISHED = Metas(), Chance()
_USUAL = 150  # tokens of a planner's thoughts, about
_BLOCK = 25  # codes that are drawn before anybody waits for them
_AROUND = 700  # positions of what is asked beside the words, and of the thoughts, at most about


@dataclass(frozen=True)
class Asked:
    """A song to plan.

    caption, lyrics  words; lyrics are "[Instrumental]" where nobody sings
    given            what the user decided: it is never changed
    seconds          the song's length where it is known, exactly
    rewrite          whether the planner writes a caption of its own; metadata, language: whether it thinks of those
    sound            whether it plans the sound, in codes
    longest          seconds at most of a song whose length the planner chooses
    """

    caption: str
    lyrics: str = "[Instrumental]"
    given: Metas = _NOTHING
    seconds: float | None = None
    seed: int = 0
    rewrite: bool = True
    metadata: bool = True
    language: bool = True
    sound: bool = True
    chance: Chance = _PUBLISHED
    negative: str = prompt.NOTHING
    longest: int = metas.LONGEST

    def positions(self, seconds: float | None) -> int:
        """Of everything that is read and written for a song of `seconds`, None for its thoughts alone; at most about:
        a character is seldom more than a token."""
        return _AROUND + len(self.caption) + len(self.lyrics) + math.ceil((seconds or 0) * PER_SECOND)

    def open(self, name: str) -> bool:
        """Whether the planner decides a field."""
        switches = {"caption": self.rewrite, "language": self.language}
        return getattr(self.given, name) is None and switches.get(name, self.metadata)


@dataclass(frozen=True)
class Planned:
    """What was decided: `metas`, those that were given among them, and the song's `codes`, 0-63999, five a second.
    `notices` say what could not be used."""

    metas: Metas
    codes: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def audio_codes(self) -> str:
        """The codes as ACE-Step's pipeline takes them."""
        return "".join(f"<|audio_code_{code}|>" for code in self.codes)


class Planner:
    """A planner's folder, and its weights once a song was planned. Made cheaply."""

    def __init__(self, folder: Path, device: str = "cpu", precision: str = "fp32"):
        self.folder, self.device, self.precision = folder, device, precision
        self._model: Model | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def loaded(self) -> bool:
        """Whether its weights are in memory."""
        return self._model is not None

    def load(self, positions: int = 2 * _AROUND, songs: int = 1) -> Model:
        """The weights, read if they are not in memory. Raises CannotMake, NotEnoughMemory where `songs` of so many
        `positions` do not fit."""
        memory.give_back()
        require(self.folder, self.device, self.precision, positions, self.loaded, songs)
        if self._model is None:
            self._model = Model(self.folder, self.device, self.precision)
        return self._model

    def unload(self) -> None:
        """Give the memory of the weights back."""
        self._model = None
        memory.give_back()

    def plan(self, asked: Asked, progress: Progress) -> Planned:
        """Decide what is open. The same request gives the same plan. Raises BadRequest, CannotMake, NotEnoughMemory and
        Cancelled."""
        return self.plans(asked, (asked.seed,), progress)[0]

    def plans(self, asked: Asked, seeds: Sequence[int], progress: Progress) -> list[Planned]:
        """Songs that differ in their seeds only: thought over one by one, then planned side by side, each by its own
        dice. Raises as `plan` does. Sums of a batch round otherwise than those of one song, so a plan is only sure to
        be that of its seed alone where there is one seed."""
        given = asked.given if asked.seconds is None else replace(asked.given, duration=math.ceil(asked.seconds))
        asked = replace(asked, given=given)
        check_intact(self.name, self.folder, progress)
        model = self.load(asked.positions(given.duration), len(seeds))
        try:
            thinking, songs = part(progress, 0.0, THOUGHTS if asked.sound else 1.0), len(seeds)
            thoughts = [
                _thought(model, replace(asked, seed=seed), part(thinking, place / songs, (place + 1) / songs))
                for place, seed in enumerate(seeds)
            ]
            found = [metas for metas, _ in thoughts]
            if asked.sound and given.duration is None:  # whether there is room for songs as long as was chosen
                self.load(asked.positions(max(one.duration or 0 for one in found)), songs)
            codes = _codes(model, asked, seeds, found, part(progress, THOUGHTS, 1.0)) if asked.sound else [()] * songs
        except (MemoryError, RuntimeError) as error:
            if not memory.ran_out(error):
                raise
            del model
            self.unload()
            raise CannotMake(
                f"There is not enough memory to plan this with {self.name} in {self.precision}; close other programs, "
                "choose a smaller planner, or switch Thinking off."
            ) from error
        return [Planned(metas, its, notices) for (metas, notices), its in zip(thoughts, codes, strict=True)]


# --- thoughts ---------------------------------------------------------------------------------------------------------


def _thought(model: Model, asked: Asked, progress: Progress) -> tuple[Metas, tuple[str, ...]]:
    """What was given and what the planner thinks of all that is open, and what it thought that cannot be."""
    script, block = _script(asked), ""
    if len(script) == 1:
        return asked.given, ()
    text = prompt.about_thoughts(model.tokenizer, asked.caption, asked.lyrics)
    writer = _Writer(model, model.begin([text]), asked, progress)
    for (text, name), (after, _) in pairwise(script):
        writer.rows.feed(model.tokens(text))
        said = writer.words(after) if name == "caption" else writer.one_of(_choices(name, asked.longest))
        block += text + said
    found, notices = metas.read(block)
    return replace(found, **asked.given.known()), notices


def _script(asked: Asked) -> list[tuple[str, str]]:
    """What stands in the think block anyway, up to each field that is open, and at last up to its end."""
    script, text = [], "<think>\n"
    for name in FIELDS:
        given = getattr(asked.given, name)
        if given is not None:
            text += f"{metas.line(name, given)}\n"
        elif asked.open(name):
            script.append((f"{text}{name}:", name))
            text = ""
    return [*script, (f"{text}</think>", "")]


@cache
def _choices(name: str, longest: int) -> tuple[bytes, ...]:
    """All that may stand behind a field's name, up to the end of its line."""
    return tuple(f"{metas.line(name, one)}\n"[len(name) + 1 :].encode() for one in metas.values(name, longest))


class _Writer:
    """Writes the open fields, one token after the other."""

    def __init__(self, model: Model, rows: Rows, asked: Asked, progress: Progress):
        self.model, self.rows, self.chance, self.progress = model, rows, asked.chance, progress
        self.dice = np.random.default_rng((asked.seed, 0))
        self.count = 0

    def one_of(self, choices: tuple[bytes, ...]) -> str:
        """One of these, by way of tokens that lead to any of them."""
        said = b""
        while said not in choices:
            tokens, head = self.model.allowed(said, choices)
            said += self._said(tokens[self._drawn(self.rows.scores(head))])
        return said.decode()

    def words(self, after: str) -> str:
        """Free words, folded as YAML folds them: a line that is not indented is none of theirs, but begins `after`."""
        letters, end = self.model.letters, self.model.tokens(after)[0]
        said, worded = b"", False
        while len(said) < metas.CAPTION or len(said.decode(errors="ignore")) < metas.CAPTION:
            fresh = said.endswith(b"\n")
            allowed = letters.indents if fresh or not said else letters.onward if worded else letters.inside
            token = self._chosen(np.append(allowed, end) if fresh else allowed)
            if fresh and token == end:
                break
            said += self._said(token)
            worded = worded or any(one > 127 or chr(one).isalnum() for one in letters.bytes[token])
        if not said.endswith(b"\n"):
            self.rows.feed(self.model.tokens("\n"))
            said += b"\n"
        return said.decode(errors="ignore")

    def _chosen(self, allowed: np.ndarray) -> int:
        import torch

        scores = self.rows.scores(self.model.head)[:, torch.from_numpy(allowed).to(self.model.device)]
        return int(allowed[self._drawn(scores)])

    def _drawn(self, scores: "Tensor") -> int:
        """The place of the token that comes next, all that is read back: what may follow depends on it."""
        import torch

        luck = torch.tensor([self._luck()], dtype=torch.float64, device=scores.device)
        return int(drawn(scores, self.chance, luck))

    def _said(self, token: int) -> bytes:
        self.rows.feed([int(token)])
        return self.model.letters.bytes[int(token)]

    def _luck(self) -> float:
        self.count += 1
        self.progress(self.count / (self.count + _USUAL), "Thinking")
        return float(self.dice.random())


# --- sound ------------------------------------------------------------------------------------------------------------


def _codes(
    model: Model, asked: Asked, seeds: Sequence[int], found: Sequence[Metas], progress: Progress
) -> list[tuple[int, ...]]:
    """Songs in codes, side by side, one for each seed and what was found for it. Raises BadRequest where nobody decided
    how long one is."""
    import torch

    counts = [_count(asked, metas) for metas in found]
    texts = [prompt.about_sound(model.tokenizer, asked.caption, asked.lyrics, one, asked.negative) for one in found]
    whole, without = zip(*texts, strict=True)
    rows = model.begin(whole, without, asked.chance.guidance, more=max(counts))
    luck = np.stack([np.random.default_rng((seed, 1)).random(max(counts)) for seed in seeds])
    dice = torch.from_numpy(luck).to(model.device)
    first = int(model.letters.codes[0])
    made: list[Tensor] = []
    for place in range(max(counts)):
        if place % _BLOCK == 0 and place:
            made[-1].tolist()  # waits for the device, so that what is told of the progress is true
        progress(place / max(counts), "Planning the sound")
        made.append(drawn(rows.scores(model.code_head), asked.chance, dice[:, place]))
        rows.feed(made[-1][:, None] + first)
    every = torch.stack(made, dim=1).tolist()
    return [tuple(codes[:count]) for codes, count in zip(every, counts, strict=True)]


def _count(asked: Asked, found: Metas) -> int:
    """How many codes a song has."""
    seconds = asked.seconds or found.duration
    if seconds is None:
        raise BadRequest("duration", "is missing; say how long the song is, or let the planner think of the metadata")
    return math.ceil(seconds * PER_SECOND - 1e-6)
