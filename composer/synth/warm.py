"""Exercise every kernel once on next to nothing: compiles them on a new machine, loads them from the cache later."""

import numpy as np

import dsp
from composer import strip
from composer.style import Flavour
from composer.synth import chain, drums, soundfont, stems
from composer.synth.patches import PATCHES
from composer.voice import sing
from song.audio import SAMPLE_RATE
from song.score import Note


def warm() -> None:
    """Takes a moment when the cache on disk is warm, up to half a minute when it is cold."""
    stem = np.zeros((2, 4800), np.float32)
    rows = np.array([[0.0, 480.0, 440.0, 0.0, 0.6, 1.0]])
    one_of_each = {type(layer): layer for patch in PATCHES.values() for layer in patch.layers}
    for layer in one_of_each.values():
        stems.sound(stem, rows, layer, np.zeros(16))
    chain.apply(stem, chain.Chain(50, ((300, 1, 1),), 1.0, 1.0, 5000, False, 0.5, 1.0, 0.5))
    drums.render(stem, [Note(42, 90, 0.0, 0.25)], 120, "house", 0, Flavour())
    sample = soundfont.Sample(np.zeros(640, np.float32), 1, 500, SAMPLE_RATE, 60, 0)
    soundfont.play(stem, 0, sample, {}, Note(60, 90, 0.0, 1.0), 0.01)
    strip.trim(stem, 30.0)
    strip.place(stem, 1.0, 0.0, 0.5, np.zeros(4800, np.float32), 0.5, np.full(12, 900.0))
    strip.send(stem, stem.copy(), 0.1, np.ones(12), 0, 4800)
    strip.add(stem, stem.copy(), 0, 4800)
    strip.colour(stem, np.concatenate([dsp.highpass(28, SAMPLE_RATE)] * 7), 0.1)
    strip.widen(stem, 1.0, dsp.highpass(150, SAMPLE_RATE), 1.0, 0.2)
    dsp.echo(stem, SAMPLE_RATE, 0.01, 0.1)
    dsp.compress(stem, SAMPLE_RATE, -20, 2)
    dsp.loudness(stem, SAMPLE_RATE)
    dsp.true_peak(stem, SAMPLE_RATE)
    dsp.limit(stem + np.float32(1), SAMPLE_RATE, -1)
    sing.warm()
