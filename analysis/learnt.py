"""What listening knows of music, as weights. learnt.npz is written by bench/fit_listening.py from songs of our own
(every style, seeds 1 to 80), never by hand.

TEMPO    which repetition is the quarter note                  beats.evidence
BAR      which meter, and where its bars begin                 beats.hypotheses
CHORD    what is seen from a root to the odds of its chords    chords.odds
CONTEXT  the same, with the odds of what is around it          chords.odds
SECTION  bars to where sections begin                          sections.evidence
LENGTH   log odds of sections of 1, 2, 3 ... bars              sections
MELODY   how clear a note was to how sure it is                melody.candidates
KEY      chroma and chords to keys                             key.evidence
"""

from pathlib import Path

import numpy as np

Net = dict[str, np.ndarray]  # eyes (hidden + qualities, parts, 12), bias (hidden), out (hidden, qualities), prior
PLACE = Path(__file__).parent / "learnt.npz"

with np.load(PLACE) as _kept:
    TEMPO, BAR, SECTION, LENGTH, MELODY, KEY = (
        _kept[name].astype(float) for name in ("TEMPO", "BAR", "SECTION", "LENGTH", "MELODY", "KEY")
    )
    CHORD, CONTEXT = (
        Net({part: _kept[f"{name}_{part}"].astype(np.float32) for part in ("eyes", "bias", "out", "prior")})
        for name in ("CHORD", "CONTEXT")
    )
