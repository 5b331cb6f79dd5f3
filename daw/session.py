"""What a session in a DAW is, whatever the DAW: sounds and lines on named tracks over one tempo, meter and markers.

Conventions: every sound starts with the song, at frame 0, and is heard as it is: stems hold their own level and place,
so faders stand at 0 dB, pans in the middle, and together they are the song before mastering. The mastered song lies
beside them on a muted track. Lines are MIDI, without an instrument: silent until one is put on their track.
"""

import itertools
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import soundfile

from song.heard import HeardSection
from song.names import file_name, one_line
from song.score import Marker, Score, Track

MIX = "Mix"
OWN = ("Master", "Monitor")  # tracks that a DAW has by itself


@dataclass(frozen=True)
class Sound:
    """A file with sound: what it is called in the session, and where it is now (a file, or a member of a zip)."""

    file: str
    place: Path
    member: str | None = None

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """The file to read from, and its size in bytes."""
        if self.member is None:
            with open(self.place, "rb") as file:
                yield file, self.place.stat().st_size
        else:
            with zipfile.ZipFile(self.place) as archive, archive.open(self.member) as file:
                yield file, archive.getinfo(self.member).file_size


@dataclass(frozen=True)
class Part:
    """One track of the session: a sound, or the line that plays one."""

    name: str
    sound: Sound | None = None
    line: Track | None = None
    muted: bool = False


@dataclass(frozen=True)
class Session:
    """A song taken apart.

    title     as the user wrote it, in one printable line
    score     tempo, meter, markers, length; its tracks are those of the parts
    parts     every stem with its line behind it, then the mix
    All sounds have `frames`, `rate` in hertz and `channels` in common.
    """

    title: str
    score: Score
    parts: tuple[Part, ...]
    rate: int
    channels: int
    frames: int

    @property
    def name(self) -> str:
        """The title as the name of a folder and of a project file."""
        return file_name(self.title, "Song")

    @property
    def sounds(self) -> tuple[Sound, ...]:
        return tuple(part.sound for part in self.parts if part.sound)

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    @property
    def markers(self) -> tuple[tuple[float, str], ...]:
        """(beat, name) of every section that starts within the song."""
        inside = (one for one in self.score.markers if self.score.seconds(one.beat) < self.seconds)
        return tuple((marker.beat, one_line(marker.name) or "Section") for marker in inside)

    @property
    def beats(self) -> float:
        """How far lines reach: to the final barline, or to the last note."""
        ends = (note.end for track in self.score.tracks for note in track.notes)
        return max(self.score.beats, *ends, 0.0)


def session(title: str, score: Score, stems: Path, mix: Path) -> Session:
    """A take as a session. `stems` is its zip of files like "01 Drums.wav", each of the shape of `mix`, the song; what
    has no number is left out.

    A line goes behind the stem of its role, "Drums MIDI" behind "Drums"; lines of no stem follow before the mix.
    """
    with zipfile.ZipFile(stems) as archive:
        members = [name for name in archive.namelist() if name[:1].isdigit()]  # the others are not for listening
    parts: list[Part] = []
    waiting = [(file_name(track.role, "Line"), track) for track in score.tracks if track.notes]
    for member in members:
        label = member.partition(" ")[2].removesuffix(".wav")
        parts.append(Part(label, sound=Sound(member, stems, member)))
        parts += [Part(f"{label} MIDI", line=line) for role, line in waiting if role == label]
        waiting = [(role, line) for role, line in waiting if role != label]
    parts += [Part(f"{role} MIDI", line=line) for role, line in waiting]
    parts.append(Part(MIX, sound=Sound(f"{len(members) + 1:02d} {MIX}.wav", mix), muted=True))
    whole = soundfile.info(mix)
    return Session(one_line(title) or "Song", score, _told_apart(parts), whole.samplerate, whole.channels, whole.frames)


def outline(bpm: float, meter: str, key: str, duration: float, sections: Iterable[HeardSection]) -> Score:
    """Tempo, meter ("6/8"), length in seconds and sections of a song that has no score. Beats count from its start."""
    above, _, below = meter.partition("/")
    markers = tuple(Marker(one.start * bpm / 60, one.label) for one in sections)
    return Score(bpm, (int(above), int(below)), key, duration * bpm / 60, (), markers)


def _told_apart(parts: list[Part]) -> tuple[Part, ...]:
    """No two tracks of one name, since DAWs connect them by it: a second "Drums" becomes "Drums 2"."""
    named: dict[str, Part] = {}
    for part in parts:
        names = itertools.chain([part.name], (f"{part.name} {number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in named and name not in OWN)
        named[name] = replace(part, name=name)
    return tuple(named.values())
