"""Songs small enough to render in a blink, made by hand: the desk and the players are tested without a composer."""

import struct

import numpy as np

from composer.plan import Plan, Section
from composer.style import Mix, Part
from song.key import Key
from song.score import Note, Score, Track

BPM = 120.0  # a beat is half a second


def part(patch: str, lufs: float = -23.0, **changes: object) -> Part:
    return Part(patch, 0, patch, lufs, **changes)  # type: ignore[arg-type]


def plan(
    band: dict[str, Part], duration: float = 8.0, ending: str = "ring", mix: Mix | None = None, **changes: object
) -> Plan:
    bars = max(1, int((duration - 1) / 2))
    half = max(1, bars // 2)
    sections = (
        (Section("A", 0, half, 0.6), Section("B", half, bars - half, 0.9)) if bars > 1 else (Section("A", 0, 1, 0.6),)
    )
    given = {
        "style": "house",
        "bpm": BPM,
        "key": Key.parse("A minor"),
        "meter": (4, 4),
        "duration": duration,
        "seed": 7,
    }
    given |= {"humanize": 0.5, "ending": ending, "sections": sections, "band": band, "mix": mix or Mix()}
    return Plan(**(given | changes))  # type: ignore[arg-type]


def score(band: dict[str, Part], notes: dict[str, list[Note]], beats: float = 16.0) -> Score:
    tracks = tuple(
        Track(player.name, role, player.program, player.patch, tuple(notes[role]), role == "drums")
        for role, player in band.items()
    )
    return Score(BPM, (4, 4), "A minor", beats, tracks, ())


def small_band(beats: int = 14) -> tuple[dict[str, Part], dict[str, list[Note]]]:
    """Drums, bass, chords and lead that begin after half a second."""
    band = {
        "drums": part("house", -19.0, width=0.4, reverb=0.05),
        "bass": part("bass_synth", -21.0, width=0.0, reverb=0.0, duck=0.6),
        "chords": part("electric_piano", -22.0, width=0.6, reverb=0.3, duck=0.4),
        "lead": part("lead_saw", -22.0, pan=0.2, delay=0.3, reverb=0.3),
    }
    notes: dict[str, list[Note]] = {role: [] for role in band}
    for beat in range(1, beats):
        notes["drums"] += [Note(36, 110, beat, 0.25), Note(42, 80, beat + 0.5, 0.25)]
        notes["drums"] += [Note(38, 100, beat, 0.25)] if beat % 2 else []
        notes["bass"].append(Note(33, 95, beat + 0.5, 0.4))
        notes["lead"].append(Note((72, 76, 79)[beat % 3], 90, beat, 0.9))
        notes["chords"] += [Note(pitch, 80, beat, 0.9) for pitch in (57, 60, 64)]
    return band, notes


def soundfont(hertz: float = 440.0, rate: int = 32_000) -> bytes:
    """A complete SF2 whose program 0 is a looped sine at A4, in two velocity zones: soft notes quieter and left."""
    loop = rate // 40  # whole cycles of 440 Hz
    sine = (20_000 * np.sin(2 * np.pi * hertz * np.arange(loop * 3) / rate)).astype("<i2")
    data = sine.tobytes() + bytes(92)

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)

    def generators(*pairs: tuple[int, int]) -> bytes:
        return b"".join(struct.pack("<Hh", *pair) for pair in pairs)

    zone_soft = generators((44, 0 | 63 << 8), (48, 300), (17, -500), (54, 1), (53, 0))
    zone_loud = generators((44, 64 | 127 << 8), (38, -1200), (54, 1), (53, 0))
    tables = {
        b"phdr": struct.pack("<20sHHHIII", b"Sine", 0, 0, 0, 0, 0, 0)
        + struct.pack("<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<HHHH", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": generators((41, 0), (0, 0)),
        b"inst": struct.pack("<20sH", b"Sine", 0) + struct.pack("<20sH", b"EOI", 2),
        b"ibag": struct.pack("<HHHHHH", 0, 0, 5, 0, 9, 0),
        b"imod": bytes(10),
        b"igen": zone_soft + zone_loud + generators((0, 0)),
        b"shdr": struct.pack("<20sIIIIIBbHH", b"Sine", 0, loop * 3, loop, loop * 2, rate, 69, 0, 0, 1)
        + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    info = b"INFO" + chunk(b"ifil", struct.pack("<HH", 2, 1))
    sound = b"sdta" + chunk(b"smpl", data)
    hydra = b"pdta" + b"".join(chunk(name, body) for name, body in tables.items())
    return chunk(b"RIFF", b"sfbk" + chunk(b"LIST", info) + chunk(b"LIST", sound) + chunk(b"LIST", hydra))
