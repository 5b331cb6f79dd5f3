"""What studios look for in a WAV: the `bext` chunk of a Broadcast Wave File, and iXML. Bytes out; knows no samples.

Sources: EBU Tech 3285 version 2 (bext), EBU R 98 (coding history), the iXML specification of iXML.info.
"""

import struct
from collections.abc import Mapping
from xml.etree import ElementTree

from song.take import Facts, Recipe

UNKNOWN = 0x7FFF  # what version 2 of bext says of a loudness that nobody measured


def bext(recipe: Recipe, rate: int, depth: str, facts: Facts, head: int = 0, done: str = "") -> bytes:
    """The body of a bext chunk. `depth` is 16, 24 or 32f; `head` is how many frames of the take lie before the file's
    first one, and becomes its time reference; `done` is what was done to the take, for the coding history."""
    software = f"Studio {recipe.versions.get('studio', '')}".strip()
    levels = (
        facts.lufs, facts.loudness_range_lu, facts.true_peak_dbtp, facts.momentary_lufs, facts.short_term_lufs,
    )  # fmt: skip
    mode = "mono" if recipe.channels == 1 else "stereo"
    history = [f"A=PCM,F={recipe.sample_rate},W=24,M={mode},T={software}; {recipe.engine}; seed {recipe.seed}"]
    if done:
        history.append(f"A=PCM,F={rate},W={depth.removesuffix('f')},M={mode},T={software}; {done}")
    return b"".join(
        [
            _text(f"{recipe.title}: {recipe.request.prompt}" if recipe.request.prompt else recipe.title, 256),
            _text(software, 32),
            _text(recipe.id, 32),
            _text(recipe.created.strftime("%Y-%m-%d"), 10),
            _text(recipe.created.strftime("%H:%M:%S"), 8),
            struct.pack("<QH", head, 2),
            bytes(64),  # no UMID
            struct.pack("<5h", *(UNKNOWN if level is None else round(100 * level) for level in levels)),
            bytes(180),
            "".join(f"{line}\r\n" for line in history).encode("ascii", "replace"),
        ]
    )


def ixml(recipe: Recipe, rate: int, depth: str, head: int = 0) -> bytes:
    """An iXML document: project, scene, take, note, and the group that says how fast the file runs."""
    root = ElementTree.Element("BWFXML")
    sides = ("Left", "Right") if recipe.channels == 2 else ("Mono",)
    written = {
        "IXML_VERSION": "1.52",
        "PROJECT": recipe.title,
        "SCENE": recipe.mode,
        "TAKE": str(recipe.seed),
        "NOTE": recipe.request.prompt,
        "FILE_UID": recipe.id,
    }
    speed = {
        "FILE_SAMPLE_RATE": rate,
        "AUDIO_BIT_DEPTH": int(depth.removesuffix("f")),
        "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI": head >> 32,
        "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO": head & 0xFFFFFFFF,
        "TIMESTAMP_SAMPLE_RATE": rate,
    }
    _filled(root, written)
    _filled(ElementTree.SubElement(root, "SPEED"), speed)
    tracks = ElementTree.SubElement(root, "TRACK_LIST")
    _filled(tracks, {"TRACK_COUNT": len(sides)})
    for number, side in enumerate(sides, 1):
        track = ElementTree.SubElement(tracks, "TRACK")
        _filled(track, {"CHANNEL_INDEX": number, "INTERLEAVE_INDEX": number, "NAME": side})
    return bytes(ElementTree.tostring(root, "UTF-8", xml_declaration=True))


def _filled(parent: ElementTree.Element, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = str(value)


def _text(text: str, length: int) -> bytes:
    """ASCII, as bext wants it, cut or filled up with zeros."""
    return " ".join(text.split()).encode("ascii", "replace")[:length].ljust(length, b"\0")
