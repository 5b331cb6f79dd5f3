"""Keys: pianos, electric pianos, organs, reeds."""

import math

from composer.synth.chain import Chain
from composer.synth.patch import Bars, Partials, Patch
from composer.synth.voices import Analogue, Fm, Modal, Plucked


def _strings(soft: float, unison: float) -> Partials:
    """Partials of a piano: the hammer strikes an eighth of the string, and each low partial decays quickly and slowly.

    soft    partials over which the level falls by 1/e: a harder hammer wakes more of them
    unison  how far the strings of one note are apart, as a factor
    """
    rows = []
    for k in range(1, 33):
        level = (abs(math.sin(k * math.pi / 8.3)) + 0.08) / k**0.82 * math.exp(-k / soft)
        if level < 1e-4:
            break
        rows.append((k, level, 9.0 / (1 + 0.22 * k), min(1.0, 0.09 * (k - 1))))
        if k <= 7:
            rows.append((k * (1 + unison * (-1) ** k), 0.3 * level, 19.0 / (1 + 0.2 * k), min(1.0, 0.09 * (k - 1))))
    return tuple(rows)


def _pipes(*ranks: tuple[float, float]) -> Partials:
    return tuple((ratio, level, 0.0, min(1.0, 0.05 * ratio)) for ratio, level in ranks)


_DRAWBARS = _pipes((0.5, 0.7), (1, 1.0), (1.5, 0.55), (2, 0.6), (3, 0.28), (4, 0.3), (5, 0.06), (6, 0.1), (8, 0.14))
_SKANK = _pipes((0.5, 0.45), (1, 1.0), (2, 0.75), (3, 0.35), (4, 0.12))
_CHURCH = _pipes(
    (0.5, 0.5), (1, 1.0), (1.002, 0.5), (2, 0.8), (2.003, 0.35), (3, 0.3), (4, 0.5), (5, 0.1), (6, 0.25), (8, 0.28),
    (12, 0.1), (16, 0.06),
)  # fmt: skip
_REEDS = ((600.0, 1.5, 0.5), (1500.0, 2.0, 0.5), (2800.0, 2.0, 0.3))

KEYS: dict[str, Patch] = {
    "piano": Patch(
        (Bars(Modal(0.0015, 0.22, 0.00036, 1.0, 0.55, 0.16, 1500, spread=0.5, low_left=0.8), _strings(15, 0.00035)),),
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
        (Bars(Modal(0.004, 0.03, touch=0.4, strike=0.05, strike_hertz=3500, spread=0.3), _DRAWBARS),),
        Chain(low_cut=40, drive=0.8, high_cut=7000, chorus=0.9, chorus_rate=5.8, chorus_depth=0.32, sway=0.16),
    ),
    "piano_felt": Patch(
        (Bars(Modal(0.005, 0.34, 0.0003, 0.9, 0.55, 0.3, 420, spread=0.4, low_left=0.7), _strings(6.0, 0.0005)),),
        Chain(low_cut=35, body=((130, 2.0, 0.25), (310, 1.5, 0.2)), high_cut=7000),
    ),
    "piano_upright": Patch(
        (Bars(Modal(0.0015, 0.16, 0.0007, 1.1, 0.7, 0.3, 2100, spread=0.35, low_left=0.5), _strings(11, 0.0013)),),
        Chain(low_cut=55, body=((190, 2.2, 0.35), (780, 1.8, 0.25), (2100, 1.5, 0.2)), high_cut=7500),
    ),
    "wurlitzer": Patch(
        (Fm(ratio=1.0, depth=2.6, depth_decay=0.32, depth_sustain=0.3, strike_ratio=2.0, strike_mod=7.0,
            strike_depth=0.7, strike_level=0.2, strike_decay=0.07, decay=1.9, release=0.12, touch=1.4, detune=1.5,
            tremolo=0.1, tremolo_rate=5.6),),
        Chain(low_cut=110, body=((850, 0.9, 0.5), (1900, 1.2, 0.25)), drive=1.7, high_cut=5600),
    ),
    "clavinet": Patch(
        (Plucked(2.6, 0.12, 4800, 2.8, 0.06, 0.5, 0.035, 0.03, 0.3),),
        Chain(low_cut=110, body=((420, 1.2, 0.3), (1800, 1.0, 0.6)), drive=0.9, high_cut=7500),
    ),
    "harpsichord": Patch(
        (Plucked(4.6, 0.1, 8000, 2.0, 0.11, 2.2, 0.05, 0.05, 0.5),),
        Chain(low_cut=90, body=((240, 2.0, 0.3), (1300, 1.2, 0.3), (3600, 1.2, 0.3))),
    ),
    "church_organ": Patch(
        (Bars(Modal(0.06, 0.16, touch=0.5, strike=0.06, strike_hertz=2500, spread=0.7), _CHURCH),),
        Chain(low_cut=30, high_cut=6500),
    ),
    "organ_bubble": Patch(
        (Bars(Modal(0.003, 0.025, touch=0.5, strike=0.1, strike_hertz=2000, spread=0.2), _SKANK),),
        Chain(low_cut=110, body=((500, 1.0, 0.3),), drive=0.7, high_cut=3800),
    ),
    "accordion": Patch(
        (Analogue(wave=1, width=0.3, voices=3, detune=9, spread=0.5, noise=0.008, attack=0.045, decay=0.8, sustain=0.92,
                  release=0.07, cutoff=3200, track=0.4, env=0.3, env_attack=0.08, env_sustain=0.7, touch=1.6, drift=1,
                  tremolo=0.08, tremolo_rate=5.1),),
        Chain(low_cut=120, body=_REEDS, high_cut=7500),
    ),
    "harmonica": Patch(
        (Analogue(wave=1, width=0.22, noise=0.03, chiff=0.1, attack=0.045, decay=0.6, sustain=0.88, release=0.07,
                  cutoff=2600, track=0.5, env=0.5, env_attack=0.08, env_sustain=0.6, touch=2.0, vibrato=9,
                  vibrato_rate=5.2, vibrato_delay=0.3, bend=-0.6, bend_time=0.05, drift=4, tremolo=0.16,
                  tremolo_rate=5.2),),
        Chain(low_cut=220, body=((900, 2.0, 0.6), (1900, 2.5, 0.6), (3100, 2.0, 0.4)), direct=0.6, drive=0.6,
              high_cut=7000),
    ),
}  # fmt: skip
