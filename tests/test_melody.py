"""Tunes walk, come back, breathe and close."""

import itertools

import numpy as np
import pytest

from composer.arrange import compose
from composer.plan import STYLES
from composing import composed, planned, track


@pytest.mark.parametrize("style", STYLES)
def test_tunes_walk_more_than_they_leap(style: str) -> None:
    leaps: list[int] = []
    for seed in range(7):
        lead = track(composed(style, seed, 60), "lead")
        leaps += [abs(a.pitch - b.pitch) for a, b in itertools.pairwise(lead.notes)] if lead else []
    share = np.array(leaps)
    assert 0.42 <= float(np.mean((share > 0) & (share <= 2))) <= 0.72
    assert float(np.mean(share > 7)) < 0.03
    assert float(np.mean(share == 0)) < 0.25


def test_tunes_come_back_and_breathe() -> None:
    """Rhythms of bars repeat inside a song far more often than between songs, and phrases end in rests."""
    for style in ("lofi", "rock", "trap", "cinematic", "jazz"):
        inside, rests = [], 0
        for seed in range(5):
            song = planned(style, seed, 70, humanize=0.0)
            lead = track(compose(song), "lead")
            if lead is None:
                continue
            bars: dict[int, list[float]] = {}
            for note in lead.notes:
                bars.setdefault(int(note.start // song.beats_per_bar), []).append(
                    round(note.start % song.beats_per_bar, 2)
                )
            rhythms = [tuple(bar) for bar in bars.values()]
            inside.append(1 - len(set(rhythms)) / len(rhythms))
            rests += sum(b.start - a.end > 0.9 for a, b in itertools.pairwise(lead.notes))
        assert float(np.mean(inside)) > 0.2, style
        assert rests >= 5, style


def test_phrases_close_on_stable_notes() -> None:
    """The last note of a lead section is a tone of its chord nearly always."""
    good = total = 0
    for style in STYLES:
        for seed in range(6):
            song = planned(style, seed, 60)
            score = composed(style, seed, 60)
            lead = track(score, "lead")
            for section in song.sections if lead else ():
                low, high = section.start * song.beats_per_bar, (section.start + section.bars) * song.beats_per_bar
                notes = [n for n in lead.notes if low <= n.start < high - 0.2]  # type: ignore[union-attr]
                if len(notes) > 3:
                    harmony = [c for c in score.chords if c.start <= notes[-1].start + 0.05][-1]
                    good += notes[-1].pitch % 12 in {(harmony.root + i) % 12 for i in harmony.intervals}
                    total += 1
    assert good / total > 0.85
