"""Basses: strings, synthesisers, and what dance floors are shaken with."""

from composer.synth.chain import Chain
from composer.synth.patch import Patch
from composer.synth.voices import Analogue, Plucked

BASSES: dict[str, Patch] = {
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
    "bass_pick": Patch(
        (Plucked(5.0, 0.16, 2700, 2.0, 0.13, 0.5, 0.05, 0.06, 0.0),
         Analogue(wave=3, fixed=1, attack=0.008, decay=1.0, sustain=0.25, release=0.06, cutoff=900, drift=0.5,
                  level=0.28)),
        Chain(low_cut=32, body=((90, 1.2, 0.4), (1700, 1.0, 0.35)), drive=1.0, high_cut=4600),
    ),
    "bass_slap": Patch(
        (Plucked(4.2, 0.1, 5400, 2.6, 0.09, 0.5, 0.04, 0.14, 0.0),
         Analogue(wave=3, fixed=1, attack=0.005, decay=0.7, sustain=0.2, release=0.05, cutoff=900, drift=0.5,
                  level=0.35)),
        Chain(low_cut=34, body=((80, 1.2, 0.6), (3000, 0.9, 0.6)), drive=0.6, high_cut=7500),
    ),
    "bass_fretless": Patch(
        (Analogue(voices=1, fixed=1, sub=0.35, attack=0.02, decay=1.6, sustain=0.45, release=0.1, cutoff=330,
                  track=0.5, env=1.3, env_attack=0.1, env_decay=0.7, env_sustain=0.35, resonance=0.3, touch=1.8,
                  vibrato=8, vibrato_rate=4.8, vibrato_delay=0.35, glide=0.06, bend=-0.3, bend_time=0.03, drift=3),),
        Chain(low_cut=32, body=((110, 1.5, 0.3), (640, 1.6, 0.45)), high_cut=3600), mono=True,
    ),
    "bass_reese": Patch(
        (Analogue(voices=3, detune=20, spread=0.5, sub=0.5, attack=0.006, decay=1.0, sustain=0.9, release=0.07,
                  cutoff=620, track=0.3, resonance=0.25, poles=4, touch=3.0, lfo_rate=0.23, lfo_depth=0.7, drive=1.8,
                  drift=2, glide=0.03),),
        Chain(low_cut=28, drive=0.8, high_cut=5200), mono=True,
    ),
    "bass_wobble": Patch(
        (Analogue(voices=2, detune=7, sub=0.7, fixed=1, attack=0.004, decay=0.6, sustain=0.9, release=0.06,
                  cutoff=460, track=0.2, resonance=0.55, poles=4, touch=1.2, lfo_beats=2, lfo_depth=1.9, drive=2.6,
                  drift=1, glide=0.03),),
        Chain(low_cut=28, high_cut=7000), mono=True,
    ),
    "bass_growl": Patch(
        (Analogue(wave=1, width=0.42, pwm=0.2, pwm_rate=2.7, voices=2, detune=9, sub=0.6, fixed=1, attack=0.004,
                  decay=0.5, sustain=0.9, release=0.05, cutoff=1300, track=0.2, resonance=0.35, touch=1.2,
                  lfo_beats=1, lfo_depth=0.9, drive=3.2, drift=1, glide=0.03),),
        Chain(low_cut=28, vowel=0.9, vowel_beats=1.0, drive=1.4, high_cut=6500), mono=True,
    ),
    "bass_pulse": Patch(
        (Analogue(wave=1, width=0.4, pwm=0.12, pwm_rate=0.7, voices=2, detune=5, sub=0.35, fixed=1, attack=0.003,
                  decay=0.3, sustain=0.55, release=0.05, cutoff=480, track=0.4, env=2.2, env_decay=0.18,
                  env_sustain=0.15, resonance=0.3, poles=4, touch=1.6),),
        Chain(low_cut=28, drive=0.5),
    ),
    "bass_chip": Patch(
        (Analogue(wave=5, fixed=1, attack=0.001, decay=0.4, sustain=0.85, release=0.012, cutoff=4200, track=0.2,
                  touch=1.6, drift=0),),
        Chain(low_cut=28), mono=True,
    ),
}  # fmt: skip
