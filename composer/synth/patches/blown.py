"""Bowed, blown and sung: tones that somebody holds."""

from composer.synth.chain import Chain
from composer.synth.patch import Patch
from composer.synth.voices import Analogue

VIOLIN_BODY = ((280.0, 4.0, 0.3), (460.0, 4.0, 0.35), (1050.0, 2.0, 0.4), (2600.0, 1.2, 0.9), (4200.0, 1.2, 0.5))
_CELLO_BODY = ((105.0, 4.0, 0.4), (220.0, 4.0, 0.45), (420.0, 3.0, 0.4), (900.0, 2.0, 0.4), (2000.0, 1.5, 0.5))
_VOWEL_AH = ((650.0, 7.0, 1.0), (1080.0, 9.0, 0.6), (2650.0, 9.0, 0.45), (2950.0, 9.0, 0.4), (3400.0, 10.0, 0.25))
_VOWEL_OO = ((330.0, 5.0, 1.0), (680.0, 7.0, 0.5), (2400.0, 9.0, 0.12), (3200.0, 9.0, 0.08))
_SAX_BODY = ((520.0, 2.0, 0.8), (1350.0, 2.2, 0.7), (2500.0, 2.5, 0.35))
_BELL_OF_BRASS = ((620.0, 1.2, 0.5), (1250.0, 1.4, 0.7), (2300.0, 1.8, 0.25))

# --- played with a bow ---
BOWED: dict[str, Patch] = {
    "strings": Patch(
        (Analogue(voices=6, detune=10, spread=1.0, noise=0.048, chiff=0.05, attack=0.16, decay=1.5, sustain=0.9,
                  release=0.38, cutoff=4600, track=0.45, env=0.5, env_attack=0.25, env_decay=1, env_sustain=0.7,
                  touch=1.8, vibrato=9, vibrato_rate=5.3, vibrato_delay=0.15, drift=5),),
        Chain(low_cut=60, body=VIOLIN_BODY, high_cut=11_500, chorus=0.4, chorus_rate=0.45, chorus_depth=2.2),
    ),
    "strings_spiccato": Patch(
        (Analogue(voices=5, detune=9, spread=0.9, noise=0.08, chiff=0.5, attack=0.012, decay=0.3, sustain=0.15,
                  release=0.16, cutoff=3400, track=0.45, env=1.0, env_decay=0.15, env_sustain=0.1, touch=2.2,
                  drift=4),),
        Chain(low_cut=60, body=VIOLIN_BODY, high_cut=11_500),
    ),
    "violin": Patch(
        (Analogue(noise=0.048, chiff=0.14, attack=0.065, decay=1.0, sustain=0.92, release=0.14, cutoff=5000, track=0.4,
                  env=0.4, env_attack=0.15, env_decay=0.8, env_sustain=0.7, touch=1.9, vibrato=17, vibrato_rate=5.7,
                  vibrato_delay=0.32, glide=0.035, bend=-0.25, bend_time=0.03, drift=5),),
        Chain(low_cut=150, body=VIOLIN_BODY, direct=0.8, high_cut=11_500), mono=True,
    ),
    "cello": Patch(
        (Analogue(noise=0.048, chiff=0.16, attack=0.085, decay=1.2, sustain=0.92, release=0.18, cutoff=2900, track=0.45,
                  env=0.4, env_attack=0.18, env_decay=0.8, env_sustain=0.7, touch=1.9, vibrato=15, vibrato_rate=5.1,
                  vibrato_delay=0.35, glide=0.045, bend=-0.25, bend_time=0.035, drift=5),),
        Chain(low_cut=50, body=_CELLO_BODY, direct=0.8, high_cut=8500), mono=True,
    ),
    "strings_chamber": Patch(
        (Analogue(voices=3, detune=6, spread=0.9, noise=0.056, chiff=0.1, attack=0.1, decay=1.2, sustain=0.9,
                  release=0.26, cutoff=4800, track=0.45, env=0.5, env_attack=0.18, env_decay=1, env_sustain=0.7,
                  touch=1.9, vibrato=10, vibrato_rate=5.4, vibrato_delay=0.25, drift=4),),
        Chain(low_cut=60, body=VIOLIN_BODY, high_cut=11_500),
    ),
    "strings_tremolo": Patch(
        (Analogue(voices=5, detune=10, spread=1.0, noise=0.096, chiff=0.1, attack=0.07, decay=1.5, sustain=0.9,
                  release=0.25, cutoff=4500, track=0.45, env=0.3, env_attack=0.25, env_sustain=0.7, touch=1.9, drift=6,
                  tremolo=0.55, tremolo_rate=13.0),),
        Chain(low_cut=60, body=VIOLIN_BODY, high_cut=11_500, chorus=0.3, chorus_rate=0.45, chorus_depth=2.2),
    ),
}  # fmt: skip

# --- blown and sung ---
BLOWN: dict[str, Patch] = {
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
    "clarinet": Patch(
        (Analogue(wave=1, width=0.5, noise=0.02, chiff=0.08, attack=0.045, decay=0.6, sustain=0.92, release=0.09,
                  cutoff=1300, track=0.55, env=0.7, env_attack=0.08, env_decay=0.6, env_sustain=0.6, touch=2.2,
                  vibrato=5, vibrato_rate=4.8, vibrato_delay=0.5, glide=0.02, drift=3),),
        Chain(low_cut=120, body=((1500, 1.2, 0.3),), high_cut=7000), mono=True,
    ),
    "oboe": Patch(
        (Analogue(wave=1, width=0.14, noise=0.015, chiff=0.1, attack=0.035, decay=0.6, sustain=0.92, release=0.08,
                  cutoff=2600, track=0.4, env=0.5, env_attack=0.06, env_decay=0.5, env_sustain=0.7, touch=1.8,
                  vibrato=12, vibrato_rate=5.5, vibrato_delay=0.3, glide=0.02, drift=3),),
        Chain(low_cut=180, body=((1080, 3.0, 0.9), (2900, 3.0, 0.5)), direct=0.5, high_cut=11_500), mono=True,
    ),
    "tin_whistle": Patch(
        (Analogue(wave=2, octave=0.05, noise=0.06, chiff=0.4, attack=0.022, decay=0.6, sustain=0.92, release=0.06,
                  cutoff=3200, track=0.7, env=0.3, env_attack=0.05, env_sustain=0.7, resonance=0.15, touch=1.4,
                  vibrato=8, vibrato_rate=5.2, vibrato_delay=0.35, glide=0.015, drift=4),),
        Chain(low_cut=300, body=((2300, 1.2, 0.2),)), mono=True,
    ),
    "pan_flute": Patch(
        (Analogue(wave=2, noise=0.16, chiff=0.9, attack=0.05, decay=0.7, sustain=0.85, release=0.16, cutoff=1500,
                  track=0.8, env=0.5, env_attack=0.03, env_decay=0.25, env_sustain=0.5, resonance=0.25, touch=1.5,
                  vibrato=10, vibrato_rate=4.6, vibrato_delay=0.4, bend=-0.3, bend_time=0.04, drift=5),),
        Chain(low_cut=200, body=((800, 1.2, 0.25),), high_cut=8000), mono=True,
    ),
    "trombone": Patch(
        (Analogue(chiff=0.08, noise=0.01, attack=0.045, decay=0.6, sustain=0.88, release=0.12, cutoff=850, track=0.6,
                  env=1.5, env_attack=0.08, env_decay=0.5, env_sustain=0.65, touch=2.4, vibrato=9, vibrato_rate=4.9,
                  vibrato_delay=0.4, glide=0.07, bend=-0.6, bend_time=0.035, drift=5),),
        Chain(low_cut=60, body=((450, 1.2, 0.5), (900, 1.4, 0.6), (1800, 1.6, 0.25)), drive=0.7, high_cut=7500),
        mono=True,
    ),
    "brass_stab": Patch(
        (Analogue(voices=5, detune=8, spread=0.9, chiff=0.1, attack=0.014, decay=0.3, sustain=0.55, release=0.09,
                  cutoff=1300, track=0.5, env=2.0, env_attack=0.02, env_decay=0.25, env_sustain=0.4, resonance=0.12,
                  touch=2.4, bend=-0.5, bend_time=0.02, drift=5),),
        Chain(low_cut=70, body=_BELL_OF_BRASS, drive=0.9, high_cut=9000),
    ),
    "french_horn": Patch(
        (Analogue(voices=2, detune=5, spread=0.6, noise=0.012, attack=0.075, decay=0.9, sustain=0.9, release=0.2,
                  cutoff=650, track=0.55, env=1.2, env_attack=0.14, env_decay=0.8, env_sustain=0.65, touch=2.4,
                  vibrato=3, vibrato_delay=0.5, bend=-0.3, bend_time=0.04, drift=4),),
        Chain(low_cut=55, body=((340, 1.0, 0.4), (650, 1.3, 0.35)), high_cut=4800),
    ),
    "bagpipe": Patch(
        (Analogue(wave=1, width=0.14, voices=2, detune=3, spread=0.3, attack=0.012, decay=0.5, sustain=0.97,
                  release=0.025, cutoff=4200, track=0.4, touch=1.0, drift=2),),
        Chain(low_cut=140, body=((900, 2.0, 0.8), (2100, 2.2, 0.8), (3400, 2.0, 0.4)), direct=0.6), mono=True,
    ),
    "choir_ooh": Patch(
        (Analogue(voices=5, detune=12, spread=1.0, noise=0.025, attack=0.3, decay=2, sustain=0.9, release=0.55,
                  cutoff=3000, track=0.2, touch=1.8, vibrato=13, vibrato_rate=5.0, vibrato_delay=0.25, drift=8,
                  env=0.3, env_attack=0.4, env_sustain=0.8),),
        Chain(low_cut=90, body=_VOWEL_OO, direct=0.12, chorus=0.5, chorus_rate=0.4, chorus_depth=3.0),
    ),
}  # fmt: skip
