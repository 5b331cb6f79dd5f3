"""Synthesisers: pads, stabs, plucks and leads."""

from composer.synth.chain import Chain
from composer.synth.patch import Patch
from composer.synth.voices import Analogue, Fm

SYNTHS: dict[str, Patch] = {
    # --- pads, stabs, plucks ---
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
    "pad_poly": Patch(
        (Analogue(wave=1, width=0.45, pwm=0.3, pwm_rate=0.55, voices=2, detune=6, spread=0.8, sub=0.15, attack=0.25,
                  decay=2.0, sustain=0.85, release=0.8, cutoff=1700, track=0.4, env=0.8, env_attack=0.4, env_decay=1.5,
                  env_sustain=0.5, resonance=0.15, poles=4, touch=1.2, drift=3),),
        Chain(low_cut=100, chorus=0.85, chorus_rate=0.5, chorus_depth=2.6),
    ),
    "pad_strings": Patch(
        (Analogue(voices=3, detune=7, spread=0.9, octave=0.35, attack=0.2, decay=1.0, sustain=0.95, release=0.6,
                  cutoff=3800, track=0.4, touch=1.2, drift=3),),
        Chain(low_cut=150, body=((1100, 1.0, 0.3), (3300, 1.0, 0.4)), chorus=1.0, chorus_rate=0.65, chorus_depth=3.2),
    ),
    "pluck_glass": Patch(
        (Fm(ratio=3.0, depth=1.5, depth_decay=0.16, depth_sustain=0.08, strike_ratio=4.0, strike_mod=2.0,
            strike_depth=0.8, strike_level=0.3, strike_decay=0.06, decay=0.8, release=0.3, touch=1.2, detune=5),),
        Chain(low_cut=160, chorus=0.4, chorus_rate=0.4, chorus_depth=2.0),
    ),
    "stab_rave": Patch(
        (Analogue(voices=4, detune=13, spread=0.8, octave=0.5, sub=0.15, attack=0.002, decay=0.4, sustain=0.2,
                  release=0.16, cutoff=2300, track=0.3, env=1.4, env_decay=0.25, env_sustain=0.2, resonance=0.3,
                  touch=1.4, drift=2),),
        Chain(low_cut=130, drive=1.0, high_cut=11_000),
    ),
    "bell_fm": Patch(
        (Fm(ratio=3.5, depth=1.7, depth_decay=0.9, depth_sustain=0.1, strike_ratio=2.0, strike_mod=7.0,
            strike_depth=0.5, strike_level=0.25, strike_decay=0.25, decay=2.6, release=0.9, touch=1.0, detune=4),),
        Chain(low_cut=180, chorus=0.3, chorus_rate=0.3, chorus_depth=2.0),
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
    "lead_pulse": Patch(
        (Analogue(wave=1, width=0.35, pwm=0.18, pwm_rate=0.9, voices=2, detune=6, spread=0.4, attack=0.005, decay=0.4,
                  sustain=0.75, release=0.12, cutoff=2600, track=0.5, env=1.1, env_decay=0.3, env_sustain=0.3,
                  resonance=0.2, poles=4, touch=1.6, vibrato=10, vibrato_delay=0.25, glide=0.03),),
        Chain(low_cut=140, chorus=0.2), mono=True,
    ),
    "chip_arp": Patch(
        (Analogue(wave=1, width=0.25, fixed=1, attack=0.001, decay=0.25, sustain=0.45, release=0.012, cutoff=6500,
                  track=0.3, touch=1.6, drift=0, vibrato=12, vibrato_rate=6.2, vibrato_delay=0.22),),
        Chain(low_cut=90),
    ),
    "lead_brass": Patch(
        (Analogue(voices=3, detune=9, spread=0.5, attack=0.02, decay=0.6, sustain=0.8, release=0.16, cutoff=900,
                  track=0.5, env=2.1, env_attack=0.07, env_decay=0.5, env_sustain=0.55, resonance=0.15, poles=4,
                  touch=2.0, vibrato=7, vibrato_delay=0.4, bend=-0.2, bend_time=0.03, glide=0.04),),
        Chain(low_cut=120, chorus=0.4, chorus_rate=0.5, chorus_depth=2.0), mono=True,
    ),
    "lead_sync": Patch(
        (Analogue(wave=4, sync=1.6, voices=2, detune=4, spread=0.4, attack=0.004, decay=0.5, sustain=0.8, release=0.12,
                  cutoff=4200, track=0.4, env=0.7, env_decay=0.7, env_sustain=0.25, touch=1.5, vibrato=9,
                  vibrato_delay=0.3, glide=0.03),),
        Chain(low_cut=150, drive=0.7), mono=True,
    ),
    "lead_whistle": Patch(
        (Analogue(wave=2, fixed=0, attack=0.02, decay=0.5, sustain=0.9, release=0.12, cutoff=1500, track=1.0,
                  resonance=0.2, touch=1.4, vibrato=14, vibrato_rate=5.4, vibrato_delay=0.2, glide=0.08, drift=2),),
        Chain(low_cut=200, chorus=0.2, chorus_rate=0.4), mono=True,
    ),
}  # fmt: skip
