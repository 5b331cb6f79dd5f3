"""A session as Ardour keeps it: `<name>/<name>.ardour`, and sounds and MIDI under `<name>/interchange/<name>`.

Source: libs/ardour of Ardour 7.3 and the sessions that it saves. Ardour 7 and later open it; what is left out here,
Ardour fills in with its defaults. Times are superclocks, "a282240000" for a second, so that every sample of a usual
rate is a whole number; or beats, "b1920" for a quarter note.
"""

import io
import itertools
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import mido

from daw import lines
from daw.session import Part, Session

VERSION = "7002"  # of the layout: Ardour 7
SUPERCLOCKS = 282_240_000  # in a second
TICKS = 1920  # in a quarter note
_FLAGS = {"audio": "AudioTrack", "midi": "MidiTrack", "master": "MasterOut"}

Ids = Iterator[int]


def sounds(session: Session) -> str:
    """The folder of the sounds in the zip."""
    return f"{session.name}/interchange/{session.name}/audiofiles"


def files(session: Session) -> dict[str, bytes]:
    """Everything but the sounds, by its place in the zip."""
    folder = f"{session.name}/interchange/{session.name}/midifiles"
    played = {f"{folder}/{part.name}.mid": _midi(part) for part in session.parts if part.line}
    return {f"{session.name}/{session.name}.ardour": _written(session)} | played


def _midi(part: Part) -> bytes:
    """A line as a MIDI file of one track, the only kind that Ardour reads in place. Tempo is the session's."""
    assert part.line is not None
    file = mido.MidiFile(type=0, ticks_per_beat=lines.TICKS, charset="utf-8")
    name = mido.MetaMessage("track_name", name=part.name)
    file.tracks.append(mido.MidiTrack([name, *lines.messages(part.line), mido.MetaMessage("end_of_track")]))
    written = io.BytesIO()
    file.save(file=written)
    return written.getvalue()


def _written(session: Session) -> bytes:
    """The session file. Ids are counted, so that the same session gives the same bytes."""
    ids: Ids = itertools.count(1000)
    root = ET.Element("Session", {"version": VERSION, "name": session.name, "sample-rate": str(session.rate)})
    # Ardour asks for the format of recordings before it looks at anything else.
    _add(_add(root, "Config"), "Option", name="native-file-data-format", value="FormatFloat")
    ET.SubElement(_add(root, "Metadata"), "title").text = session.title
    sources, places, routes, playlists = (
        ET.SubElement(root, tag) for tag in ("Sources", "Locations", "Routes", "Playlists")
    )
    for empty in ("Regions", "UnusedPlaylists", "RouteGroups", "Bundles"):  # without them a session is "corrupt"
        ET.SubElement(root, empty)
    _locations(places, session, ids)
    _master(routes, session, ids)
    for order, part in enumerate(session.parts, 1):
        route = _track(routes, part, session, order, ids)
        kind = _kind(part)
        playlist = _new(playlists, "Playlist", ids, name=part.name, type=kind, orig_track_id=route.get("id"))
        route.set(f"{kind}-playlist", str(playlist.get("id")))
        _region(playlist, _sources(sources, part, session, ids), part, session, ids)
    _tempo(root, session)
    root.set("id-counter", str(next(ids)))
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True)


def _kind(part: Part) -> str:
    return "audio" if part.sound else "midi"


def _length(session: Session) -> int:
    return session.frames * SUPERCLOCKS // session.rate


def _add(parent: ET.Element, tag: str, /, **said: Any) -> ET.Element:
    """Attributes are written with "-" for "_"."""
    return ET.SubElement(parent, tag, {key.replace("_", "-"): str(value) for key, value in said.items()})


def _new(parent: ET.Element, tag: str, ids: Ids, /, **said: Any) -> ET.Element:
    return _add(parent, tag, id=next(ids), **said)


def _locations(places: ET.Element, session: Session, ids: Ids) -> None:
    whole = {"start": "a0", "end": f"a{_length(session)}", "flags": "IsSessionRange"}
    _new(places, "Location", ids, name="session", **whole, locked=0)
    for beat, name in session.markers:
        at = f"b{round(beat * TICKS)}"
        _new(places, "Location", ids, name=name, start=at, end=at, flags="IsMark", locked=0)


def _master(routes: ET.Element, session: Session, ids: Ids) -> None:
    route = _route(routes, "Master", "master", 0, False, ids)
    heard = [part.name for part in session.parts if part.sound]
    count = max(2, session.channels)
    _ports(route, "Input", "audio", count, [f"{name}/audio_out {{}}" for name in heard], ids)
    _ports(route, "Output", "audio", count, ["system:playback_{}"], ids)
    _chain(route, ids)


def _track(routes: ET.Element, part: Part, session: Session, order: int, ids: Ids) -> ET.Element:
    kind = _kind(part)
    route = _route(routes, part.name, kind, order, part.muted, ids)
    count, onward = (session.channels, ["Master/audio_in {}"]) if part.sound else (1, [])
    _ports(route, "Input", kind, count, [], ids)
    _ports(route, "Output", kind, count, onward, ids)
    _new(route, "Processor", ids, name=f"player:{part.name}", active=1, type="diskreader")
    _chain(route, ids)
    return route


def _route(routes: ET.Element, name: str, kind: str, order: int, muted: bool, ids: Ids) -> ET.Element:
    data = "midi" if kind == "midi" else "audio"
    route = _new(routes, "Route", ids, version=VERSION, name=name, default_type=data, active=1, mode="Normal")
    _add(route, "PresentationInfo", order=order, flags=f"{_FLAGS[kind]},OrderSet")
    _add(route, "MuteMaster", mute_point="PreFader,PostFader,Listen,Main", muted=int(muted))
    _new(route, "Controllable", ids, name="mute", flags="Toggle,RealTime", value=int(muted))
    return route


def _ports(route: ET.Element, way: str, kind: str, count: int, others: list[str], ids: Ids) -> None:
    """The plugs at one end of a route, and what is plugged into each."""
    name = str(route.get("name"))
    plugs = _new(route, "IO", ids, name=name, direction=way, default_type=kind)
    for number in range(1, count + 1):
        port = _add(plugs, "Port", type=kind, name=f"{name}/{kind}_{way[:-3].lower()} {number}")
        for other in others:
            _add(port, "Connection", other=other.format(number))


def _chain(route: ET.Element, ids: Ids) -> None:
    """Fader at 0 dB, left to the left and right to the right, then the way out."""
    name = str(route.get("name"))
    place = _add(route, "Pannable")
    for control, value in (("pan-azimuth", 0.5), ("pan-width", 1)):
        _new(place, "Controllable", ids, name=control, flags="", value=value)
    fader = _new(route, "Processor", ids, name="Amp", active=1, type="amp")
    _new(fader, "Controllable", ids, name="gaincontrol", flags="GainLike", value=1)
    out = _new(route, "Processor", ids, name=name, active=1, own_input=1, own_output=0, output=name,
               type="main-outs", role="Main")  # fmt: skip
    _add(out, "PannerShell", bypassed=0, user_panner="", linked_to_route=1)


def _sources(sources: ET.Element, part: Part, session: Session, ids: Ids) -> list[str]:
    """The ids of what a region plays: one source for each channel of a sound, one for a line."""
    if part.sound is None:
        return [str(_new(sources, "Source", ids, name=f"{part.name}.mid", type="midi", flags="").get("id"))]
    said = {"name": part.sound.file, "type": "audio", "flags": "", "gain": 1}
    return [str(_new(sources, "Source", ids, **said, channel=number).get("id")) for number in range(session.channels)]


def _region(playlist: ET.Element, sources: list[str], part: Part, session: Session, ids: Ids) -> None:
    """All of a sound or of a line, from the start of the song; no fades, since silence and tails are in the stems."""
    said = {"name": part.name, "type": _kind(part), "channels": len(sources), "whole_file": 0, "opaque": 1}
    for number, source in enumerate(sources):
        said |= {f"source_{number}": source, f"master_source_{number}": source}
    if part.sound:
        length = f"a{_length(session)}@a0"
        said |= {"fade_in_active": 0, "fade_out_active": 0, "default_fade_in": 0, "default_fade_out": 0}
        said |= {"start": "a0", "scale_amplitude": 1}
    else:
        length = f"b{round(session.beats * TICKS)}@b0"
        said |= {"start": "b0"}
    _new(playlist, "Region", ids, **said, length=length)


def _tempo(root: ET.Element, session: Session) -> None:
    score = session.score
    start = {"sclock": 0, "quarters": "0:0", "bbt": "1|1|0"}
    tempo_map = _add(root, "TempoMap", superclocks_per_second=SUPERCLOCKS)
    speed = {"npm": score.bpm, "enpm": score.bpm, "note_type": 4, "type": "Tempo::Constant", "active": 1}
    _add(_add(tempo_map, "Tempos"), "Tempo", **speed, **start, locked_to_meter=0, continuing=0, omega=0)
    above, below = score.meter
    _add(_add(tempo_map, "Meters"), "Meter", note_value=below, divisions_per_bar=above, **start)
