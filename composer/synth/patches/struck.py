"""Struck bars, tines and pans. Ratios of bars: Fletcher & Rossing 1998, chapters 19 and 20."""

from composer.synth.chain import Chain
from composer.synth.patch import Bars, Partials, Patch
from composer.synth.voices import Modal

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
_TINE: Partials = ((1, 1, 1.6, 0), (1.0025, 0.25, 2.0, 0), (5.8, 0.22, 0.24, 0.6), (13.4, 0.08, 0.09, 0.9))
_PAN: Partials = (  # tuned by the maker to octave and twelfth; the neighbours' notes answer
    (1, 1, 1.3, 0), (1.003, 0.3, 1.6, 0), (2.0, 0.75, 0.95, 0.3), (2.008, 0.25, 1.1, 0.3), (3.0, 0.35, 0.6, 0.5),
    (4.03, 0.2, 0.45, 0.6), (5.4, 0.08, 0.25, 0.9), (6.8, 0.05, 0.2, 1),
)  # fmt: skip

STRUCK: dict[str, Patch] = {
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
    "vibraphone": Patch(
        (Bars(Modal(0.001, 0.6, touch=1.1, shorten=0.45, strike=0.1, strike_hertz=1500, tremolo=0.34,
                    tremolo_rate=5.6, spread=0.5, low_left=0.5), _VIBRAPHONE),),
        Chain(low_cut=110, body=((700, 1.2, 0.15),)),
    ),
    "kalimba": Patch(
        (Bars(Modal(0.001, 0.4, touch=1.0, shorten=0.5, strike=0.25, strike_hertz=1300, spread=0.4), _TINE),),
        Chain(low_cut=110, body=((330, 2.5, 0.35), (820, 2.0, 0.2))),
    ),
    "steel_drum": Patch(
        (Bars(Modal(0.002, 0.3, touch=1.2, shorten=0.4, strike=0.12, strike_hertz=2600, spread=0.5), _PAN),),
        Chain(low_cut=130, body=((1200, 1.5, 0.25),)),
    ),
}  # fmt: skip
