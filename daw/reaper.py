"""A session as REAPER keeps it: `<name>/<name>.RPP`, a text of nested `<...>` blocks, and the sounds under `audio`.

Source: the state chunks that the REAPER wiki and SDK describe, and projects of REAPER 6 and 7. Conventions: seconds,
faders as factors, pan -1 to 1; MIDI events as ticks since the last one, then bytes in hexadecimal.
"""

from collections.abc import Iterator

from daw import lines
from daw.session import Part, Session


def sounds(session: Session) -> str:
    """The folder of the sounds in the zip."""
    return f"{session.name}/audio"


def files(session: Session) -> dict[str, bytes]:
    """Everything but the sounds, by its place in the zip."""
    return {f"{session.name}/{session.name}.RPP": "\r\n".join([*_project(session), ""]).encode()}


def _project(session: Session) -> Iterator[str]:
    above, below = session.score.meter
    yield '<REAPER_PROJECT 0.1 "6.0" 0'
    yield f"  TITLE {_quoted(session.title)}"
    yield "  PANLAW 1"  # no loss in the middle: what is not panned is heard as it is
    yield f"  SAMPLERATE {session.rate} 1 0"
    yield f"  TEMPO {_number(session.score.bpm)} {above} {below}"
    for number, (beat, name) in enumerate(session.markers, 1):
        yield f"  MARKER {number} {_number(session.score.seconds(beat))} {_quoted(name)} 0"
    for part in session.parts:
        yield from (f"  {line}" for line in _track(part, session))
    yield ">"


def _track(part: Part, session: Session) -> Iterator[str]:
    yield "<TRACK"
    yield f"  NAME {_quoted(part.name)}"
    yield "  VOLPAN 1 0 -1 -1 1"
    yield f"  MUTESOLO {int(part.muted)} 0 0"
    yield f"  NCHAN {max(2, session.channels)}"
    yield "  MAINSEND 1 0"
    yield from (f"  {line}" for line in _item(part, session))
    yield ">"


def _item(part: Part, session: Session) -> Iterator[str]:
    """All of a sound or of a line, from the start of the song, without fades."""
    seconds = session.seconds if part.sound else session.score.seconds(session.beats)
    yield "<ITEM"
    yield "  POSITION 0"
    yield f"  LENGTH {_number(seconds)}"
    yield "  LOOP 0"
    yield "  FADEIN 1 0 0"
    yield "  FADEOUT 1 0 0"
    yield f"  NAME {_quoted(part.name)}"
    yield "  VOLPAN 1 0 1 -1"
    yield from (f"  {line}" for line in (_wave(part) if part.sound else _midi(part, session)))
    yield ">"


def _wave(part: Part) -> Iterator[str]:
    assert part.sound is not None
    yield "<SOURCE WAVE"
    yield f"  FILE {_quoted(f'audio/{part.sound.file}')}"
    yield ">"


def _midi(part: Part, session: Session) -> Iterator[str]:
    """A line; "all notes off" marks where its source ends."""
    assert part.line is not None
    now = 0
    yield "<SOURCE MIDI"
    yield f"  HASDATA 1 {lines.TICKS} QN"
    for message in lines.messages(part.line):
        now += message.time
        status, *data = message.bytes()
        yield f"  E {message.time} {status:02x} {data[0]:02x} {data[1] if len(data) > 1 else 0:02x}"
    yield f"  E {max(0, round(session.beats * lines.TICKS) - now)} {0xB0 + lines.channel(part.line):02x} 7b 00"
    yield ">"


def _number(value: float) -> str:
    """A decimal number that reads back as the same one, never with an exponent."""
    return f"{value:.14f}".rstrip("0").rstrip(".")


def _quoted(words: str) -> str:
    """Words in the quotes that they do not use; where they use all three, ' stands for `."""
    quote = next((mark for mark in "\"'`" if mark not in words), "`")
    inside = words.replace("`", "'") if quote == "`" else words
    return f"{quote}{inside}{quote}"
