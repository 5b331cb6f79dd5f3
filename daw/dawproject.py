"""A session as DAWproject 1.0, for Bitwig Studio, Studio One, Cubase: project.xml, metadata.xml, sounds in one zip.

Source: https://github.com/bitwig/dawproject, Project.xsd and MetaData.xsd. Lines, markers and tempo count in beats of a
quarter note, sounds in seconds.
"""

import itertools
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from daw import lines
from daw.session import Part, Session
from settings import VERSION

Ids = Iterator[str]


def sounds(session: Session) -> str:
    """The folder of the sounds in the zip."""
    return "audio"


def files(session: Session) -> dict[str, bytes]:
    """Everything but the sounds, by its place in the zip."""
    metadata = ET.Element("MetaData")
    ET.SubElement(metadata, "Title").text = session.title
    return {"project.xml": _bytes(_project(session)), "metadata.xml": _bytes(metadata)}


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True)


def _add(parent: ET.Element, tag: str, **said: Any) -> ET.Element:
    return ET.SubElement(parent, tag, {name: str(value) for name, value in said.items()})


def _project(session: Session) -> ET.Element:
    ids: Ids = (f"id{number}" for number in itertools.count())
    project = ET.Element("Project", version="1.0")
    _add(project, "Application", name="Open Music Studio", version=VERSION)
    transport = _add(project, "Transport")
    above, below = session.score.meter
    _add(transport, "Tempo", id=next(ids), name="Tempo", unit="bpm", value=session.score.bpm)
    _add(transport, "TimeSignature", id=next(ids), numerator=above, denominator=below)
    structure = _add(project, "Structure")
    master = next(ids)
    tracks = [_track(structure, part, session, master, ids) for part in session.parts]
    _channel(_add(structure, "Track", id=next(ids), name="Master", contentType="audio notes", loaded="true"),
             ids, id=master, role="master", audioChannels=session.channels)  # fmt: skip
    _arrangement(_add(project, "Arrangement", id=next(ids)), session, tracks, ids)
    return project


def _track(structure: ET.Element, part: Part, session: Session, master: str, ids: Ids) -> str:
    """A track whose channel plays into the master's; its id."""
    id = next(ids)
    track = _add(structure, "Track", id=id, name=part.name, loaded="true",
                 contentType="audio" if part.sound else "notes")  # fmt: skip
    channels = session.channels if part.sound else 2
    _channel(track, ids, part.muted, id=next(ids), role="regular", audioChannels=channels, destination=master)
    return id


def _channel(track: ET.Element, ids: Ids, muted: bool = False, **said: Any) -> None:
    """Fader at 0 dB, pan in the middle."""
    channel = _add(track, "Channel", solo="false", **said)
    _add(channel, "Mute", id=next(ids), name="Mute", value="true" if muted else "false")
    _add(channel, "Pan", id=next(ids), name="Pan", unit="normalized", min=0, max=1, value=0.5)
    _add(channel, "Volume", id=next(ids), name="Volume", unit="linear", min=0, max=2, value=1)


def _arrangement(arrangement: ET.Element, session: Session, tracks: list[str], ids: Ids) -> None:
    lanes = _add(arrangement, "Lanes", id=next(ids), timeUnit="beats")
    for part, track in zip(session.parts, tracks, strict=True):
        lane = _add(lanes, "Lanes", id=next(ids), track=track)
        _sound(lane, part, session, ids) if part.sound else _line(lane, part, session, ids)
    if session.markers:
        markers = _add(arrangement, "Markers", id=next(ids), timeUnit="beats")
        for beat, name in session.markers:
            _add(markers, "Marker", time=beat, name=name)


def _sound(lane: ET.Element, part: Part, session: Session, ids: Ids) -> None:
    """All of a sound in one clip, as it is: not warped, not faded."""
    assert part.sound is not None
    clips = _add(lane, "Clips", id=next(ids), timeUnit="seconds")
    clip = _add(clips, "Clip", name=part.name, time=0, duration=session.seconds, contentTimeUnit="seconds",
                playStart=0)  # fmt: skip
    audio = _add(clip, "Audio", id=next(ids), timeUnit="seconds", duration=session.seconds, algorithm="raw",
                 channels=session.channels, sampleRate=session.rate)  # fmt: skip
    _add(audio, "File", path=f"{sounds(session)}/{part.sound.file}", external="false")


def _line(lane: ET.Element, part: Part, session: Session, ids: Ids) -> None:
    assert part.line is not None
    clips = _add(lane, "Clips", id=next(ids))
    clip = _add(clips, "Clip", name=part.name, time=0, duration=session.beats, contentTimeUnit="beats", playStart=0)
    notes = _add(clip, "Notes", id=next(ids))
    channel = lines.channel(part.line)
    for note in part.line.notes:
        said = {"time": note.start, "duration": note.duration, "channel": channel, "key": note.pitch}
        _add(notes, "Note", **said, vel=round(note.velocity / 127, 6), rel=0)
