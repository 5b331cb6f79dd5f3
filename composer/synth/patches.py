"""Our own instruments, as data. A patch is one or two layers of voices and the chain behind them.

Levels inside a patch matter only between its layers: the mix measures every stem and sets its loudness.
"""

import math
from typing import NamedTuple

import numpy as np

from composer.synth.chain import Chain
from composer.synth.textures import Texture
from composer.synth.voices import Analogue, Fm, Modal, Plucked

Partials = tuple[tuple[float, float, float, float], ...]  # ratio, level, seconds to -60 dB, what softness takes


class Bars(NamedTuple):
    """A modal voice with its partials."""

    voice: Modal
    partials: Partials


Layer = Analogue | Fm | Bars | Plucked | Texture


class Patch(NamedTuple):
    """One instrument. `mono` plays one note at a time and slides between notes that touch."""

    layers: tuple[Layer, ...]
    chain: Chain = Chain()
    mono: bool = False


def _piano() -> Partials:
    """Hammer at an eighth of the string; each low partial has a quick and a slow decay, a hair out of tune."""
    rows = []
    for k in range(1, 33):
        level = (abs(math.sin(k * math.pi / 8.3)) + 0.08) / k**0.82 * math.exp(-k / 15)
        rows.append((k, level, 9.0 / (1 + 0.22 * k), min(1.0, 0.09 * (k - 1))))
        if k <= 7:
            rows.append((k * (1 + 0.00035 * (-1) ** k), 0.3 * level, 19.0 / (1 + 0.2 * k), min(1.0, 0.09 * (k - 1))))
    return tuple(rows)


_DRAWBARS = ((0.5, 0.7), (1, 1.0), (1.5, 0.55), (2, 0.6), (3, 0.28), (4, 0.3), (5, 0.06), (6, 0.1), (8, 0.14))
_ORGAN: Partials = tuple((ratio, level, 0.0, 0.05 * ratio) for ratio, level in _DRAWBARS)
_VIBRAPHONE: Partials = (
    (1, 1, 7, 0),
    (1.0008, 0.25, 8, 0),
    (3.998, 0.26, 2.4, 0.5),
    (9.98, 0.1, 0.7, 0.9),
    (16.2, 0.03, 0.3, 1),
)
_MARIMBA: Partials = ((1, 1, 1.5, 0), (3.93, 0.34, 0.42, 0.5), (9.4, 0.16, 0.14, 0.8), (16.1, 0.07, 0.07, 1))
_GLOCKENSPIEL: Partials = (
    (1, 1, 5.5, 0), (1.0011, 0.4, 6.5, 0), (2.002, 0.22, 3.6, 0.1), (2.756, 0.42, 3.0, 0.4), (2.764, 0.14, 3.4, 0.4),
    (5.404, 0.38, 1.6, 0.6), (8.933, 0.14, 0.8, 0.8), (13.34, 0.06, 0.4, 1),
)  # fmt: skip
_COMB: Partials = (
    (1, 1, 2.6, 0),
    (1.0015, 0.3, 3.2, 0),
    (2.0, 0.3, 1.6, 0.3),
    (3.01, 0.1, 1, 0.5),
    (6.27, 0.22, 0.45, 0.7),
    (9.1, 0.08, 0.2, 1),
)
_GUITAR_BODY = ((103.0, 7.0, 1.1), (204.0, 6.0, 0.8), (390.0, 5.0, 0.45), (720.0, 3.0, 0.25), (2600.0, 1.2, 0.3))
_VIOLIN_BODY = ((280.0, 4.0, 0.3), (460.0, 4.0, 0.35), (1050.0, 2.0, 0.4), (2600.0, 1.2, 0.9), (4200.0, 1.2, 0.5))
_VOWEL_AH = ((650.0, 7.0, 1.0), (1080.0, 9.0, 0.6), (2650.0, 9.0, 0.45), (2950.0, 9.0, 0.4), (3400.0, 10.0, 0.25))
_SAX_BODY = ((520.0, 2.0, 0.8), (1350.0, 2.2, 0.7), (2500.0, 2.5, 0.35))
_BELL_OF_BRASS = ((620.0, 1.2, 0.5), (1250.0, 1.4, 0.7), (2300.0, 1.8, 0.25))

PATCHES: dict[str, Patch] = {
    # --- keys ---
    "piano": Patch(
        (Bars(Modal(0.0015, 0.22, 0.00036, 1.0, 0.55, 0.16, 1500, spread=0.5, low_left=0.8), _piano()),),
        Chain(low_cut=35, body=((110, 2.0, 0.15), (420, 1.5, 0.12))),
    ),
    "electric_piano": Patch(
        (Fm(ratio=1.0, depth=1.6, depth_decay=0.55, depth_sustain=0.32, strike_ratio=1.0, strike_mod=14.0,
            strike_depth=0.5, strike_level=0.34, strike_decay=0.11, decay=3.2, release=0.18, touch=1.1, detune=2.5,
            tremolo=0.22, tremolo_rate=4.3),),
        Chain(low_cut=90, body=((2200, 0.8, 0.7),), drive=0.9, high_cut=8500, chorus=0.35, chorus_rate=0.7,
              chorus_depth=1.4),
    ),
    "organ": Patch(
        (Bars(Modal(0.004, 0.03, touch=0.4, strike=0.05, strike_hertz=3500, spread=0.3), _ORGAN),),
        Chain(low_cut=40, drive=0.8, high_cut=7000, chorus=0.9, chorus_rate=5.8, chorus_depth=0.32, sway=0.16),
    ),
    # --- basses ---
    "bass_finger": Patch(
        (Plucked(6.0, 0.22, 1500, 2.0, 0.24, 0.5, 0.06, 0.02, 0.0),
         Analogue(wave=3, fixed=1, sub=0.0, attack=0.012, decay=1.2, sustain=0.25, release=0.07, cutoff=900,
                  drift=0.5, level=0.3)),
        Chain(low_cut=32, body=((85, 1.2, 0.5), (750, 1.0, 0.25)), drive=0.8, high_cut=3800),
    ),
    "bass_upright": Patch(
        (Plucked(2.4, 0.42, 900, 1.6, 0.3, 0.8, 0.09, 0.03, 0.1),
         Analogue(wave=3, fixed=1, attack=0.015, decay=0.7, sustain=0.12, release=0.1, cutoff=700, drift=2,
                  level=0.35)),
        Chain(low_cut=32, body=((98, 4.0, 0.8), (180, 4.0, 0.6), (420, 3.0, 0.3), (1100, 1.5, 0.15)), high_cut=3200),
    ),
    "bass_808": Patch(
        (Analogue(wave=3, fixed=1, attack=0.003, decay=2.6, sustain=0.0, release=0.09, cutoff=9000, touch=0.5,
                  glide=0.045, bend=16, bend_time=0.011, drive=2.4, drift=0),),
        Chain(drive=0.9, high_cut=2600), mono=True,
    ),
    "bass_synth": Patch(
        (Analogue(voices=2, detune=6, sub=0.55, fixed=1, attack=0.003, decay=0.35, sustain=0.6, release=0.06,
                  cutoff=320, track=0.4, env=2.6, env_decay=0.16, env_sustain=0.12, resonance=0.3, poles=4,
                  touch=1.6, drive=1.3),),
        Chain(low_cut=28),
    ),
    "bass_acid": Patch(
        (Analogue(voices=1, fixed=1, sub=0.25, attack=0.003, decay=0.3, sustain=0.5, release=0.04, cutoff=260,
                  track=0.3, env=3.4, env_decay=0.16, env_sustain=0.05, resonance=0.8, poles=4, touch=2.4, drive=2.2,
                  glide=0.05, drift=1),),
        Chain(low_cut=30), mono=True,
    ),
    "bass_sub": Patch(
        (Analogue(wave=3, fixed=1, attack=0.008, decay=2.0, sustain=0.8, release=0.07, cutoff=1500, drift=0,
                  drive=1.1),
         Analogue(wave=2, fixed=1, attack=0.008, decay=0.4, sustain=0.3, release=0.06, cutoff=420, drift=0,
                  level=0.35)),
        Chain(high_cut=1800), mono=True,
    ),
    # --- pads ---
    "pad_warm": Patch(
        (Analogue(voices=5, detune=11, spread=0.9, sub=0.12, attack=0.45, decay=2.5, sustain=0.85, release=1.1,
                  cutoff=1500, track=0.35, env=0.7, env_attack=0.8, env_decay=2.0, env_sustain=0.6, poles=2,
                  touch=1.0, lfo_rate=0.11, lfo_depth=0.25, drift=4),),
        Chain(low_cut=90, chorus=0.6, chorus_rate=0.33, chorus_depth=3.0),
    ),
    "pad_glass": Patch(
        (Fm(ratio=2.0, depth=0.95, depth_decay=2.0, depth_sustain=0.6, strike_ratio=2.0, strike_mod=5.0,
            strike_depth=0.4, strike_level=0.25, strike_decay=1.2, attack=0.35, decay=4.0, sustain=0.75, release=1.3,
            detune=9, tremolo=0.12, tremolo_rate=0.9, level=0.8),
         Analogue(wave=2, voices=3, detune=9, spread=1.0, octave=0.25, touch=2.0, noise=0.02, attack=0.6,
                  sustain=0.9, release=1.4, cutoff=4200, env=0.5, env_attack=1.2, env_decay=3, env_sustain=0.5,
                  lfo_rate=0.17, lfo_depth=0.3, level=0.5)),
        Chain(low_cut=140, chorus=0.7, chorus_rate=0.27, chorus_depth=3.5),
    ),
    "pad_dark": Patch(
        (Analogue(voices=5, detune=14, spread=0.8, sub=0.25, noise=0.02, attack=0.7, decay=3, sustain=0.9,
                  release=1.4, cutoff=560, track=0.45, env=0.6, env_attack=1.5, env_decay=3, env_sustain=0.6,
                  poles=4, resonance=0.2, touch=1.2, lfo_rate=0.07, lfo_depth=0.35, drift=6),),
        Chain(low_cut=60, chorus=0.5, chorus_rate=0.21, chorus_depth=4.0),
    ),
    "supersaw": Patch(
        (Analogue(voices=7, detune=19, spread=1.0, octave=0.12, sub=0.1, attack=0.008, decay=0.8, sustain=0.8,
                  release=0.28, cutoff=4200, track=0.3, env=0.9, env_decay=0.5, env_sustain=0.35, resonance=0.08,
                  touch=1.4, drift=2),),
        Chain(low_cut=120),
    ),
    "stab": Patch(
        (Analogue(voices=5, detune=10, spread=0.8, attack=0.003, decay=0.25, sustain=0.12, release=0.14, cutoff=750,
                  track=0.4, env=2.6, env_decay=0.2, env_sustain=0.05, resonance=0.25, poles=4, touch=1.8),),
        Chain(low_cut=130, drive=0.7),
    ),
    "pluck": Patch(
        (Analogue(voices=3, detune=7, spread=0.8, octave=0.15, attack=0.002, decay=0.32, sustain=0.05, release=0.22,
                  cutoff=800, track=0.5, env=3.0, env_decay=0.2, env_sustain=0.0, resonance=0.25, poles=4,
                  touch=2.0),),
        Chain(low_cut=120),
    ),
    # --- leads ---
    "lead_saw": Patch(
        (Analogue(voices=3, detune=8, spread=0.5, attack=0.008, decay=0.5, sustain=0.8, release=0.14, cutoff=2600,
                  track=0.5, env=1.0, env_decay=0.3, env_sustain=0.3, resonance=0.2, touch=1.6, vibrato=9,
                  vibrato_delay=0.25, glide=0.03),),
        Chain(low_cut=140, chorus=0.25, chorus_rate=0.5, chorus_depth=1.5), mono=True,
    ),
    "lead_square": Patch(
        (Analogue(wave=1, voices=2, detune=5, width=0.5, spread=0.4, attack=0.006, decay=0.4, sustain=0.75,
                  release=0.12, cutoff=2300, track=0.5, env=0.8, env_decay=0.25, env_sustain=0.3, resonance=0.15,
                  touch=1.6, vibrato=11, glide=0.03),),
        Chain(low_cut=140, chorus=0.2), mono=True,
    ),
    "lead_soft": Patch(
        (Analogue(wave=2, voices=2, detune=5, spread=0.5, octave=0.05, noise=0.015, attack=0.03, decay=0.8,
                  sustain=0.8, release=0.22, cutoff=1500, track=0.6, env=0.6, env_attack=0.05, env_decay=0.5,
                  env_sustain=0.4, touch=1.2, vibrato=10, glide=0.05),),
        Chain(low_cut=140, chorus=0.4, chorus_rate=0.4, chorus_depth=2.0), mono=True,
    ),
    "acid": Patch(
        (Analogue(voices=1, fixed=1, attack=0.003, decay=0.3, sustain=0.55, release=0.05, cutoff=420, track=0.4,
                  env=3.3, env_decay=0.2, env_sustain=0.1, resonance=0.86, poles=4, touch=2.4, drive=2.4, glide=0.05,
                  drift=1),),
        Chain(low_cut=90, drive=0.9, high_cut=9000, chorus=0.2), mono=True,
    ),
    # --- struck ---
    "mallet": Patch(
        (Bars(Modal(0.001, 0.5, touch=1.0, shorten=0.45, strike=0.05, strike_hertz=1800, tremolo=0.22,
                    tremolo_rate=4.8, spread=0.4), _VIBRAPHONE),),
        Chain(low_cut=110),
    ),
    "marimba": Patch(
        (Bars(Modal(0.001, 0.3, touch=1.0, shorten=0.6, strike=0.22, strike_hertz=1100, spread=0.3, low_left=0.6),
              _MARIMBA),),
        Chain(low_cut=70, body=((260, 1.2, 0.3),)),
    ),
    "bells": Patch((Bars(Modal(0.001, 0.9, touch=0.8, shorten=0.4, strike=0.03, strike_hertz=4000, spread=0.7),
                         _GLOCKENSPIEL),), Chain(low_cut=180)),
    "music_box": Patch(
        (Bars(Modal(0.001, 0.7, touch=0.6, shorten=0.5, strike=0.06, strike_hertz=3000, spread=0.5, low_left=0.5),
              _COMB),),
        Chain(low_cut=180, body=((900, 2.0, 0.2), (2400, 3.0, 0.15))),
    ),
    # --- plucked ---
    "harp": Patch((Plucked(4.5, 0.32, 3800, 1.8, 0.42, 1.0, 0.5, 0.0, 0.5),), Chain(low_cut=60, body=((180, 1.5,
        0.4), (340, 1.5, 0.3)))),
    "guitar_nylon": Patch((Plucked(3.4, 0.36, 3200, 1.8, 0.21, 1.4, 0.09, 0.02, 0.5),), Chain(low_cut=75,
        body=_GUITAR_BODY)),
    "guitar_clean": Patch(
        (Plucked(5.0, 0.16, 3600, 2.4, 0.14, 1.0, 0.08, 0.015, 0.4),),
        Chain(low_cut=85, body=((1900, 1.2, 0.5), (3200, 1.2, 0.4)), drive=0.5, high_cut=5600, chorus=0.45,
              chorus_rate=0.8, chorus_depth=1.8),
    ),
    "guitar_muted": Patch(
        (Plucked(0.42, 0.42, 2600, 2.0, 0.12, 1.0, 0.05, 0.05, 0.4),),
        Chain(low_cut=85, body=((160, 1.5, 0.4), (1500, 1.2, 0.4)), drive=0.6, high_cut=5000),
    ),
    "guitar_distorted": Patch(
        (Plucked(7.0, 0.18, 4200, 1.2, 0.12, 2.5, 0.06, 0.02, 0.9),),
        Chain(low_cut=95, body=((750, 0.8, 0.6),), drive=14.0, high_cut=4300, steep=True, chorus=0.3,
              chorus_rate=0.3, chorus_depth=4.5),
    ),
    # --- bowed and blown ---
    "strings": Patch(
        (Analogue(voices=6, detune=10, spread=1.0, noise=0.03, chiff=0.05, attack=0.16, decay=1.5, sustain=0.9,
                  release=0.38, cutoff=3000, track=0.45, env=0.5, env_attack=0.25, env_decay=1, env_sustain=0.7,
                  touch=1.8, vibrato=9, vibrato_rate=5.3, vibrato_delay=0.15, drift=5),),
        Chain(low_cut=60, body=_VIOLIN_BODY, high_cut=8500, chorus=0.4, chorus_rate=0.45, chorus_depth=2.2),
    ),
    "strings_spiccato": Patch(
        (Analogue(voices=5, detune=9, spread=0.9, noise=0.05, chiff=0.5, attack=0.012, decay=0.3, sustain=0.15,
                  release=0.16, cutoff=2200, track=0.45, env=1.0, env_decay=0.15, env_sustain=0.1, touch=2.2,
                  drift=4),),
        Chain(low_cut=60, body=_VIOLIN_BODY, high_cut=8500),
    ),
    "pizzicato": Patch((Plucked(0.75, 0.45, 2600, 1.8, 0.26, 2.0, 0.12, 0.03, 0.9),), Chain(low_cut=60,
        body=_VIOLIN_BODY)),
    "brass": Patch(
        (Analogue(voices=4, detune=7, spread=0.8, chiff=0.06, attack=0.045, decay=0.6, sustain=0.85, release=0.16,
                  cutoff=950, track=0.5, env=1.9, env_attack=0.09, env_decay=0.6, env_sustain=0.6, resonance=0.12,
                  touch=2.4, vibrato=4, vibrato_delay=0.4, bend=-0.35, bend_time=0.03, drift=4),),
        Chain(low_cut=55, body=_BELL_OF_BRASS, drive=0.8, high_cut=9000),
    ),
    "brass_soft": Patch(
        (Analogue(voices=4, detune=6, spread=0.8, noise=0.01, attack=0.12, decay=1.0, sustain=0.9, release=0.25,
                  cutoff=900, track=0.5, env=1.0, env_attack=0.2, env_decay=1, env_sustain=0.7, touch=2.0, vibrato=4,
                  drift=4),),
        Chain(low_cut=50, body=((350, 1.0, 0.25), (1500, 1.2, 0.5)), high_cut=6000),
    ),
    "trumpet": Patch(
        (Analogue(voices=1, chiff=0.12, noise=0.012, attack=0.03, decay=0.5, sustain=0.88, release=0.1, cutoff=1500,
                  track=0.6, env=1.5, env_attack=0.06, env_decay=0.4, env_sustain=0.7, touch=2.4, vibrato=13,
                  vibrato_rate=5.4, vibrato_delay=0.3, bend=-0.5, bend_time=0.025, drift=5),),
        Chain(low_cut=120, body=_BELL_OF_BRASS, drive=0.7, high_cut=9500), mono=True,
    ),
    "sax": Patch(
        (Analogue(voices=1, noise=0.05, chiff=0.2, attack=0.035, decay=0.6, sustain=0.85, release=0.12, cutoff=1400,
                  track=0.4, env=1.0, env_attack=0.07, env_decay=0.5, env_sustain=0.6, touch=2.2, vibrato=16,
                  vibrato_rate=5.0, vibrato_delay=0.3, bend=-0.8, bend_time=0.04, drift=6),
         Analogue(wave=1, width=0.28, voices=1, attack=0.04, sustain=0.85, release=0.12, cutoff=1000, track=0.4,
                  env=0.8, env_attack=0.08, env_sustain=0.6, touch=2.0, vibrato=16, vibrato_rate=5.0,
                  vibrato_delay=0.3, bend=-0.8, bend_time=0.04, level=0.5)),
        Chain(low_cut=90, body=_SAX_BODY, direct=0.6, drive=0.9, high_cut=8000), mono=True,
    ),
    "flute": Patch(
        (Analogue(wave=2, voices=1, octave=0.07, noise=0.09, chiff=0.5, attack=0.05, decay=0.8, sustain=0.9,
                  release=0.13, cutoff=1700, track=0.8, env=0.4, env_attack=0.1, env_sustain=0.6, resonance=0.15,
                  touch=1.4, vibrato=12, vibrato_rate=4.9, vibrato_delay=0.3, drift=4),),
        Chain(low_cut=200, body=((900, 1.0, 0.2),), high_cut=9000), mono=True,
    ),
    "choir": Patch(
        (Analogue(voices=6, detune=13, spread=1.0, noise=0.07, attack=0.28, decay=2, sustain=0.9, release=0.55,
                  cutoff=5000, track=0.1, touch=1.6, vibrato=14, vibrato_rate=5.1, vibrato_delay=0.2, drift=8,
                  env=0.3, env_attack=0.4, env_sustain=0.8),),
        Chain(low_cut=90, body=_VOWEL_AH, direct=0.09, chorus=0.5, chorus_rate=0.4, chorus_depth=3.0),
    ),
    # --- noises: one long note each, no pitch ---
    "texture_vinyl": Patch((Texture(hiss=0.05, hertz=3200, q=0.3, crackles=9, crackle=1.0, ring=0.0006, rumble=0.05,
                                    sway=0.25, sway_rate=0.55),)),
    "texture_rain": Patch((Texture(hiss=0.4, hertz=2600, q=0.4, crackles=160, crackle=0.35, ring=0.0022,
                                   crackle_hertz=2600, sway=0.3, sway_rate=0.13),)),
    "texture_wind": Patch((Texture(hiss=1.0, hertz=420, q=1.4, wander=1.3, wander_rate=0.14, sway=0.6,
                                   sway_rate=0.09),)),
    "texture_tape": Patch((Texture(hiss=0.3, hertz=4500, q=0.35, rumble=0.12, hum=0.02, sway=0.1, sway_rate=1.1),)),
}  # fmt: skip


def floats(voice):
    """A voice with every field a float: numba compiles a kernel once for each mixture of field types."""
    return type(voice)(*map(float, voice))


def table(partials: Partials) -> np.ndarray:
    return np.array(partials, np.float64)
