"""How well the voice sings: are its words understood, is it in tune, do its vowels fall on the beat, what does it cost.

The judge of words is pocketsphinx (`pip install -e '.[bench]'`): each sung word is cut out at its known edges, and the
recogniser chooses one of 60 words; chance is under 2 %. The lines were written for this file and tuned nothing.
No machine hears as people do: long vowels trouble it more than them.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from composer.chance import chance
from composer.voice import HOW, Flite, Formant, Singer, find
from composer.voice.letters import FUNCTION_WORDS
from composer.voice.phones import HOP
from composer.voice.sing import Breath, breaths, performed, sing
from composer.voice.timing import Sung, time_map
from settings import settings
from song.audio import SAMPLE_RATE
from song.key import MODES
from song.score import Note, Score, Track

SETS = (
    (
        "carry me across the quiet water",
        "seven silver trains are leaving town",
        "somebody painted the kitchen yellow",
        "follow the smoke above the chimney",
        "we were children under paper lanterns",
        "nothing but gravel and summer thunder",
        "bring your guitar and a borrowed jacket",
        "early birds forgive the winter weather",
    ),
    (
        "leave the porch light on for me",
        "every station plays a different number",
        "down by the harbor the ropes are singing",
        "you were wearing green in december",
        "nobody taught the river to wander",
        "count the candles and blow them out",
        "long before the morning paper",
        "that is how a heart gets older",
    ),
)
EXTRA = """
mountain window twenty letter dancing stone garden promise wheel brother pocket lonely market velvet animal ceiling open
marble sugar building finger orange doctor basket thirty velvet captain question purple elephant
"""
WORDS = 60  # among which the judge chooses
_HEARING = 16_000  # hertz


@dataclass(frozen=True, eq=False)
class Performance:
    """One sung line: the score, the sound (frames,), and where its syllables are."""

    score: Score
    sound: np.ndarray
    breath: Breath
    line: list[Sung]
    origin: float  # seconds of the song at which `line` begins
    source: np.ndarray  # seconds of the spoken line, for every 5 ms of the sung one


@dataclass(frozen=True)
class Figures:
    """What is measured; see `measure`."""

    words: int
    words_understood: float
    content_words_understood: float
    sung_pitch: float
    onset_ms: float
    cpu_s_per_minute: float


def vocabulary(lines: Sequence[str]) -> list[str]:
    """The 60 words among which the judge chooses: those of a set of lines, and others."""
    return sorted(list(dict.fromkeys([*" ".join(lines).split(), *EXTRA.split()]))[:WORDS])


def melody(text: str, bpm: float, center: int, seed: int, who: Singer) -> Score:
    """A plain tune for a line: a beat for a stressed syllable, half for another, two for the last; mostly steps."""
    rng = chance(seed, "bench", text)
    words = who.syllables(tuple(text.split()))
    beat, degree, notes, lyrics = 1.0, int(rng.integers(-1, 2)), [], []
    stresses = [(word, place, syllable.stress) for word in words for place, syllable in enumerate(word)]
    for number, (word, place, stress) in enumerate(stresses):
        last = number + 1 == len(stresses)
        length = 2.0 if last else 1.0 if stress else 0.5
        pitch = center + 12 * (degree // 7) + MODES["major"][degree % 7]
        notes.append(Note(pitch, 90, beat, length))
        spelled = text.split()[words.index(word)] if place == 0 else ""
        lyrics.append((beat, spelled + ("\r" if last else " " if place + 1 == len(word) else "")))
        beat += length
        step = int(rng.choice((-2, -1, -1, 1, 1, 2)))
        degree += step if abs(degree + step) <= 3 else -step
    track = Track("Voice", "vocals", 53, "voice_low", tuple(notes))
    return Score(bpm, (4, 4), "C major", beat + 1, (track,), (), lyrics=tuple(lyrics))


def perform(
    text: str, who: Singer, bpm: float = 100, center: int = 52, seed: int = 1, high: bool = False
) -> Performance:
    """Sing one line, dry."""
    score = melody(text, bpm, center, seed, who)
    track = score.tracks[0]
    if high:
        track = Track(track.name, track.role, track.program, "voice_high", track.notes)
    stem = np.zeros((2, round(score.seconds(score.beats + 1) * SAMPLE_RATE)), np.float32)
    sing(stem, track, score, seed, who, ())
    breath = breaths(track, score.lyrics)[0]
    line = performed(breath, score, who, high)
    origin = score.seconds(breath.start) - line[0].start
    return Performance(score, stem[0], breath, line, origin, time_map(line, int((line[-1].end + 0.5) / HOP), who.early))


def spans(performance: Performance) -> list[tuple[float, float]]:
    """Where each word of a line sounds, in seconds of the song."""
    now = np.arange(len(performance.source)) * HOP + performance.origin
    places: list[tuple[float, float]] = []
    number = 0
    for syllables in (len(notes) for notes in performance.breath.notes):
        members = performance.line[number : number + syllables]
        number += syllables
        low, high = members[0].syllable.phones[0].start, members[-1].syllable.phones[-1].end
        inside = now[(performance.source >= low - 1e-6) & (performance.source < high - 1e-6)]
        places.append((float(inside.min()), float(inside.max())))
    return places


class Judge:
    """pocketsphinx, choosing one of 60 words; its idea of the channel comes from the whole line."""

    def __init__(self, lines: Sequence[str]) -> None:
        import pocketsphinx  # the bench's own, see pyproject.toml

        model = Path(pocketsphinx.__file__).parent / "model" / "en-us"
        self._decoder = pocketsphinx.Decoder(
            hmm=str(model / "en-us"), dict=str(model / "cmudict-en-us.dict"), lm=None, loglevel="FATAL", cmn="live"
        )
        self._decoder.add_jsgf_string(
            "words", "#JSGF V1.0; grammar g; public <s> = " + " | ".join(vocabulary(lines)) + " ;"
        )
        self._decoder.activate_search("words")

    def hear(self, performance: Performance) -> list[str]:
        """What it takes each word of the line for."""
        sound = scipy.signal.resample_poly(performance.sound, 1, SAMPLE_RATE // _HEARING)
        hiss = np.random.default_rng(0).integers(-8, 9, len(sound))
        pcm = (sound / np.abs(sound).max() * 16_000 + hiss).astype(np.int16)
        channel = self._decode(pcm, whole=True)[1]
        heard = []
        for start, end in spans(performance):
            piece = pcm[max(0, int((start - 0.06) * _HEARING)) : int((end + 0.06) * _HEARING)].astype(float)
            ramp = np.minimum(1, np.minimum(np.arange(len(piece)), np.arange(len(piece))[::-1]) / 320)
            quiet = np.random.default_rng(1).integers(-8, 9, 2400).astype(np.int16)
            self._decoder.set_cmn(channel)
            heard.append(self._decode(np.concatenate([quiet, (piece * ramp).astype(np.int16), quiet]), whole=False)[0])
        return heard

    def _decode(self, pcm: np.ndarray, whole: bool) -> tuple[str, str]:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), full_utt=whole)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return (found.hypstr if found else ""), self._decoder.get_cmn(True)


def held_pitch(performance: Performance) -> Iterator[bool]:
    """For each 10 ms of a vowel that is held a quarter of a second: is it within 50 cents of its note?

    Where the vowel is, the time map says; the first 120 ms of a note (the glide to it) and its last 70 ms (the glide to
    the next one) are left out. The pitch is found by autocorrelation.
    """
    for sung in performance.line:
        vowel = sung.syllable.phones[sung.syllable.nucleus]
        for tone in (tone for tone in sung.tones if tone.end - tone.start >= 0.25):
            for now in np.arange(tone.start + 0.12, tone.end - 0.07, 0.01):
                spoken = performance.source[int(now / HOP)]
                if vowel.start <= spoken < vowel.end:
                    found = pitch_at(performance.sound, now + performance.origin, tone.pitch)
                    yield abs(found - tone.pitch) <= 0.5


def pitch_at(sound: np.ndarray, second: float, near: float, width: float = 0.06) -> float:
    """MIDI pitch around a moment, searched within an octave of `near`; 0 where nothing repeats."""
    middle, half = int(second * SAMPLE_RATE), int(width * SAMPLE_RATE / 2)
    piece = sound[max(0, middle - half) : middle + half].astype(np.float64)
    period = SAMPLE_RATE / (440 * 2 ** ((near - 69) / 12))
    low, high = int(period / 1.8), int(period * 1.8)
    if len(piece) <= high + 200 or not piece.any():
        return 0.0
    size = len(piece) - high - 2
    scores = np.array([_alike(piece[:size], piece[lag : lag + size]) for lag in range(low, high + 2)])
    best = int(scores[1:-1].argmax()) + 1
    if scores[best] < 0.5:
        return 0.0
    a, b, c = scores[best - 1 : best + 2]
    lag = low + best + 0.5 * (a - c) / (a - 2 * b + c - 1e-12)
    return float(69 + 12 * np.log2(SAMPLE_RATE / lag / 440))


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-12))


def onset_errors(performance: Performance) -> Iterator[float]:
    """Milliseconds from each note to the rise of its vowel, where a hiss or a stop stands before it.

    The rise is where the power from 250 to 3000 Hz crosses 40 % of what it was, or will be, around the note.
    """
    band = scipy.signal.butter(4, (250, 3000), "bandpass", fs=SAMPLE_RATE, output="sos")
    power = scipy.signal.sosfiltfilt(band, performance.sound.astype(np.float64)) ** 2
    smooth = np.sqrt(np.convolve(power, np.hanning(480) / np.hanning(480).sum(), "same"))
    hard = frozenset(["p", "t", "k", "s", "sh", "f", "th", "ch", "hh"])
    for sung in performance.line:
        head = sung.syllable.phones[: sung.syllable.nucleus]
        if not head or head[-1].name not in hard:
            continue
        middle = int((sung.start + performance.origin) * SAMPLE_RATE)
        span = smooth[middle - 3360 : middle + 5760]
        floor, top = span[:3360].min(), span[3360:].max()
        rise = np.flatnonzero(span > floor + 0.4 * (top - floor))
        later = rise[rise > span[:3360].argmin()]
        if len(later):
            yield (later[0] - 3360) / SAMPLE_RATE * 1000


def cost(who: Flite | Formant) -> float:
    """CPU seconds for a minute of singing, where no line was sung before."""
    perform("warm up", who)
    who.speak.cache_clear()
    sung = spent = 0.0
    for text in (text for lines in SETS for text in lines):
        score = melody(text, 100, 52, 1, who)
        stem = np.zeros((2, round(score.seconds(score.beats) * SAMPLE_RATE)), np.float32)
        begun = time.process_time()
        sing(stem, score.tracks[0], score, 1, who, ())
        spent += time.process_time() - begun
        sung += score.seconds(score.beats - 2)
    return spent / sung * 60


def measure(who: Flite | Formant, bpm: float = 100, center: int = 52, high: bool = False) -> Figures:
    """All figures of a singer at a tempo and around a pitch."""
    right: list[tuple[bool, bool]] = []
    held: list[bool] = []
    late: list[float] = []
    for lines in SETS:
        judge = Judge(lines)
        for number, text in enumerate(lines):
            sung = perform(text, who, bpm, center, number, high)
            words = zip(text.split(), judge.hear(sung), strict=True)
            right += [(word == said, word not in FUNCTION_WORDS) for word, said in words]
            held += held_pitch(sung)
            late += onset_errors(sung)
    return Figures(
        words=len(right),
        words_understood=float(np.mean([ok for ok, _ in right])),
        content_words_understood=float(np.mean([ok for ok, content in right if content])),
        sung_pitch=float(np.mean(held)),
        onset_ms=float(np.median(np.abs(late))),
        cpu_s_per_minute=cost(who),
    )


def main() -> None:
    """Print a table: who sings, where, and how well."""
    place = find(settings().flite)
    who = Flite(place) if place else Formant()
    print(f"{who.name} sings." if place else f"Flite was not found; to get it: {HOW}.")
    print("| singer | bpm | center | words | content words | pitch | onset ms | CPU s/min |")
    print("|---|---|---|---|---|---|---|---|")
    rows: list[tuple[Flite | Formant, float, int, bool]] = [
        (who, 100, 52, False),
        (who, 70, 52, False),
        (who, 150, 52, False),
        (who, 100, 64, True),
    ]
    for one, bpm, center, high in [*rows, (Formant(), 100, 52, False)]:
        f = measure(one, bpm, center, high)
        name = f"{one.name} {'high' if high else 'low'}"
        print(
            f"| {name} | {bpm} | {center} | {f.words_understood:.2f} | {f.content_words_understood:.2f} |"
            f" {f.sung_pitch:.3f} | {f.onset_ms:.1f} | {f.cpu_s_per_minute:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
