"""Plucked strings: harps, guitars and their relations."""

from composer.synth.chain import Chain
from composer.synth.patch import Patch
from composer.synth.patches.blown import VIOLIN_BODY
from composer.synth.voices import Analogue, Plucked

_GUITAR_BODY = ((103.0, 7.0, 1.1), (204.0, 6.0, 0.8), (390.0, 5.0, 0.45), (720.0, 3.0, 0.25), (2600.0, 1.2, 0.3))
_STEEL_BODY = ((98.0, 6.0, 0.8), (208.0, 5.0, 0.6), (430.0, 4.0, 0.3), (1150.0, 2.0, 0.2), (4300.0, 1.2, 0.4))
_BANJO_BODY = ((310.0, 3.0, 0.8), (640.0, 3.0, 0.6), (1500.0, 2.0, 0.5), (3000.0, 1.5, 0.5))
_MANDOLIN_BODY = ((280.0, 4.0, 0.6), (520.0, 4.0, 0.5), (1300.0, 2.0, 0.4), (3500.0, 1.5, 0.4))
_UKULELE_BODY = ((260.0, 5.0, 0.8), (440.0, 4.0, 0.5), (920.0, 3.0, 0.3))
_SITAR_BODY = ((180.0, 4.0, 0.4), (1200.0, 2.0, 0.6), (2600.0, 3.0, 0.8), (4200.0, 3.0, 0.5))

PLUCKED: dict[str, Patch] = {
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
    "pizzicato": Patch((Plucked(0.75, 0.45, 2600, 1.8, 0.26, 2.0, 0.12, 0.03, 0.9),), Chain(low_cut=60,
        body=VIOLIN_BODY)),
    "guitar_steel": Patch((Plucked(5.0, 0.12, 5200, 1.8, 0.16, 1.0, 0.09, 0.035, 0.4),), Chain(low_cut=80,
        body=_STEEL_BODY)),
    "guitar_electric": Patch(
        (Plucked(6.0, 0.14, 4200, 2.2, 0.13, 0.8, 0.08, 0.015, 0.3),),
        Chain(low_cut=90, body=((420, 1.0, 0.25), (2400, 1.2, 0.5)), drive=1.5, high_cut=5200),
    ),
    "guitar_crunch": Patch(
        (Plucked(6.5, 0.16, 4400, 1.6, 0.12, 1.8, 0.06, 0.02, 0.7),),
        Chain(low_cut=95, body=((700, 0.8, 0.4), (2200, 1.0, 0.3)), drive=5.0, high_cut=4800, steep=True),
    ),
    "guitar_chug": Patch(
        (Plucked(0.6, 0.3, 3800, 2.4, 0.1, 2.0, 0.04, 0.05, 0.9),),
        Chain(low_cut=75, body=((120, 1.2, 0.5), (800, 0.8, 0.4)), drive=12.0, high_cut=4200, steep=True),
    ),
    "banjo": Patch((Plucked(1.1, 0.1, 7000, 1.6, 0.08, 1.2, 0.05, 0.05, 0.3),), Chain(low_cut=130,
        body=_BANJO_BODY)),
    "mandolin": Patch((Plucked(1.7, 0.12, 7000, 1.6, 0.12, 5.0, 0.06, 0.04, 0.4),), Chain(low_cut=120,
        body=_MANDOLIN_BODY)),
    "ukulele": Patch((Plucked(1.3, 0.36, 3600, 1.6, 0.2, 1.6, 0.07, 0.02, 0.3),), Chain(low_cut=110,
        body=_UKULELE_BODY)),
    "sitar": Patch(
        (Plucked(4.5, 0.05, 8000, 1.4, 0.05, 3.0, 0.12, 0.03, 0.4),
         Analogue(wave=1, width=0.06, attack=0.04, decay=2.6, sustain=0.05, release=0.12, cutoff=3200, track=0.3,
                  env=-0.8, env_attack=0.2, env_decay=1.5, resonance=0.5, touch=1.6, bend=0.25, bend_time=0.08,
                  drift=3, level=0.12)),
        Chain(low_cut=90, body=_SITAR_BODY, drive=0.8),
    ),
}  # fmt: skip
