"""Listening: what a musician would write down of a song that is only sound.

    listen(audio) -> Heard    tempo, beats, meter, bars, key, chords, sections, melody and loudness

A confidence is the probability that the model behind a finding gives it, against everything else that was considered;
the models were fitted on songs whose truth is known, so on other people's music it is optimistic. Songs of ours need
no listening: they carry their plan.

Conventions: seconds from the start, everything at A440 unless the song is tuned otherwise. Deterministic.
"""

import numpy as np

import dsp
from analysis.beats import bars, channels, pulse
from analysis.chords import odds, progression, seen
from analysis.key import tonality
from analysis.melody import tune
from analysis.sections import form
from analysis.spectra import mono, onsets, tones
from song.audio import Audio
from song.heard import Heard
from song.progress import Progress, silent

__all__ = ["listen"]


def listen(audio: Audio, progress: Progress = silent) -> Heard:
    """Everything there is to hear. About half a second for a minute of sound."""
    progress(0.0, "Listening to the beat")
    sound = mono(audio)
    spectrum, _ = tones(sound)
    heard = channels(onsets(sound), spectrum)
    found = pulse(heard, spectrum)
    barred = bars(found, heard, spectrum)
    progress(0.5, "Listening to the harmony")
    harmony = seen(spectrum, barred.beats, barred.downbeats, audio.duration)
    likely = odds(harmony)
    key, key_confidence = tonality(harmony, likely)
    chords = progression(harmony, likely, key)
    progress(0.8, "Listening to the form")
    return Heard(
        duration=audio.duration,
        bpm=found.bpm,
        bpm_confidence=round(found.bpm_confidence, 3),
        meter=barred.meter,
        meter_confidence=round(barred.meter_confidence, 3),
        beats=_times(barred.beats),
        beat_confidence=round(found.steady * found.bpm_confidence, 3),
        downbeats=_times(barred.downbeats),
        downbeat_confidence=round(barred.downbeat_confidence, 3),
        key=str(key),
        key_confidence=round(key_confidence, 3),
        chords=chords,
        sections=form(spectrum, heard, barred.downbeats, audio.duration),
        melody=tune(spectrum),
        lufs=round(dsp.loudness(audio.samples, audio.sample_rate), 2),
    )


def _times(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)
