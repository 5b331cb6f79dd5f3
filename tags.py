"""Tags: what a player shows of a song, and the recipe hidden among them. Bytes in, bytes out; knows no samples.

Where the tags stand:

    WAV    LIST/INFO chunk for simple players, and an "id3 " chunk with everything
    MP3    ID3v2.4 tag in front of the first frame
    FLAC   VORBIS_COMMENT metadata block
    Opus   the stream's second packet, in the same form

The recipe is JSON in the field STUDIO_RECIPE (a TXXX frame, a Vorbis comment). What is sung stands in USLT and SYLT
frames, or in the comments LYRICS and SYNCEDLYRICS (LRC). All text is UTF-8, which never contains the byte 0xFF, and the
times of SYLT avoid what might not follow it, so no MP3 decoder can mistake the tag for a frame and ID3's
unsynchronisation is not needed; a cover may hold it, but a decoder skips the whole tag by its length. Covers are PNG:
an APIC frame, a PICTURE block, in Opus the same block as a comment in base64.

Sources: id3.org, ID3v2.4.0 main structure and native frames; RFC 9639 (FLAC) sections 8.2 and 8.6; Xiph, Ogg Vorbis I
comment field and header specification; IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0
(RIFF, LIST/INFO).
"""

import base64
import io
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from song import captions
from song.errors import BadRequest
from song.key import Key
from song.lyrics import Lyrics
from song.take import Recipe

RECIPE_FIELD = "STUDIO_RECIPE"
RECIPE_LIMIT = 2**20  # bytes; ours are below 50 kB
_MOST_PARTS = 2000  # chunks, frames or comments looked at before a file is called foreign
_STREAM_BLOCK, _VORBIS_BLOCK, _PICTURE_BLOCK = 0, 4, 6
_FRONT = 3  # a picture of the front cover
_OGG_PAGE = 2**16  # bytes, and no page is larger
_OPUS_TAGS = b"OpusTags"
_ID3_TEXT = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_ID3_FRAMES = {"title": "TIT2", "genre": "TCON", "date": "TDRC", "bpm": "TBPM", "software": "TSSE", "lyricist": "TEXT"}
_INFO_CHUNKS = {
    "title": b"INAM",
    "comment": b"ICMT",
    "genre": b"IGNR",
    "date": b"ICRD",
    "software": b"ISFT",
    "lyricist": b"IWRI",
    # Not in the specification; players that read INFO show them by these names, and FFmpeg reads nothing else of a WAV
    # once it has found an INFO list.
    "bpm": b"IBPM",
    "key": b"IKEY",
    "seed": b"SEED",
    "engine": b"ENGN",
}


def fields(recipe: Recipe) -> dict[str, str]:
    """What players show, by name; the comment is the prompt. What is empty is left out."""
    found = {
        "title": recipe.title,
        "comment": recipe.request.prompt,
        "lyricist": recipe.request.lyricist,
        "genre": str(recipe.plan.get("style") or ""),
        "date": recipe.created.strftime("%Y-%m-%d"),
        "bpm": "" if recipe.facts.bpm is None else f"{recipe.facts.bpm:g}",
        "key": recipe.facts.key or "",
        "seed": str(recipe.seed),
        "engine": recipe.engine,
        "software": f"Studio {recipe.versions.get('studio', '')}".strip(),
    }
    return {name: text.replace("\0", "") for name, text in found.items() if text}


# --- writing ----------------------------------------------------------------------------------------------------------


def id3(recipe: Recipe, cover: bytes = b"") -> bytes:
    """A whole ID3v2.4 tag."""
    shown = fields(recipe)
    frames = [_frame(code, _utf8(shown[name])) for name, code in _ID3_FRAMES.items() if name in shown]
    if "comment" in shown:
        frames.append(_frame("COMM", b"eng\0" + _utf8(shown["comment"])))
    if short := _short_key(shown.get("key", "")):
        frames.append(_frame("TKEY", short.encode("ascii")))
    if recipe.lyrics is not None:
        frames += _sung(recipe.lyrics)
    named = {name.upper(): shown[name] for name in ("key", "seed", "engine") if name in shown}
    for name, text in (named | {RECIPE_FIELD: recipe.model_dump_json()}).items():
        frames.append(_frame("TXXX", _utf8(name) + b"\0" + _utf8(text)))
    if cover:
        raw = b"\0image/png\0" + bytes([_FRONT]) + b"\0" + cover
        frames.append(b"APIC" + _synchsafe(len(raw)) + b"\0\0" + raw)
    body = b"".join(frames)
    return b"ID3\x04\x00\x00" + _synchsafe(len(body)) + body


def vorbis_comment(recipe: Recipe, cover: bytes = b"") -> bytes:
    """Comments as FLAC and Opus hold them; with a cover as Opus does."""
    shown = {name.upper(): text for name, text in fields(recipe).items()} | {RECIPE_FIELD: recipe.model_dump_json()}
    if recipe.lyrics is not None:
        shown |= {"LYRICS": recipe.lyrics.plain(), "SYNCEDLYRICS": captions.lrc(recipe.lyrics)}
    comments = [_utf8(f"{name}={text}") for name, text in shown.items()]
    if cover:
        comments.append(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(_picture(cover)))
    return b"".join(
        [_counted(_utf8(shown["SOFTWARE"])), struct.pack("<I", len(comments))] + [_counted(c) for c in comments]
    )


def _picture(cover: bytes) -> bytes:
    """The body of a FLAC picture block: a front cover. A PNG states width and height at fixed places."""
    mime, size = b"image/png", struct.unpack(">II", cover[16:24])
    return struct.pack(">II", _FRONT, len(mime)) + mime + struct.pack(">IIIIII", 0, *size, 24, 0, len(cover)) + cover


def flac_head(file: BinaryIO, recipe: Recipe, cover: bytes = b"") -> bytes:
    """What stands before the first audio frame of our FLAC: the stream's own block, cover, comments, nothing else.

    `file` is a FLAC as an encoder left it, at its start; afterwards it stands at its first audio frame.
    """
    kept = file.read(4)
    last = False
    while not last:
        head = file.read(4)
        last = bool(head[0] & 0x80)
        body = file.read(int.from_bytes(head[1:], "big"))
        if head[0] & 0x7F == _STREAM_BLOCK:
            kept += bytes([_STREAM_BLOCK]) + head[1:] + body
    if cover:
        kept += _block(_PICTURE_BLOCK, _picture(cover))
    return kept + _block(0x80 | _VORBIS_BLOCK, vorbis_comment(recipe))  # the first bit: the last before the audio


def _block(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def info_list(shown: dict[str, str]) -> bytes:
    """A LIST/INFO chunk with those of `fields` that it has a name for. RIFF names no encoding; players take UTF-8."""
    parts = [chunk(code, _utf8(shown[name]) + b"\0") for name, code in _INFO_CHUNKS.items() if name in shown]
    return chunk(b"LIST", b"INFO" + b"".join(parts))


def chunk(code: bytes, body: bytes) -> bytes:
    """A RIFF chunk, padded to an even length."""
    return code + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _sung(lyrics: Lyrics) -> list[bytes]:
    """The words, and the words with their times: milliseconds (2) of lyrics (1), a new line before each. The language
    is not known ("XXX"); what the times are worth is the description."""
    worth = _utf8(captions.said(lyrics))
    lines = [_utf8(f"\n{text}") + b"\0" + _stamp(start) for start, _, text in captions.cues(lyrics)]
    plain = _frame("USLT", b"XXX\0" + _utf8(lyrics.plain()))
    return [plain, _frame("SYLT", b"XXX\x02\x01" + worth + b"\0" + b"".join(lines))] if lines else [plain]


def _stamp(seconds: float) -> bytes:
    """Milliseconds in four bytes, at most 16 ms beside where they would look like the start of an MP3 frame."""
    number = round(1000 * seconds)
    if number & 0xFFE0 == 0xFFE0:
        number = (number | 0x1F) + 1 if number & 0x10 else (number & ~0x1F) - 1
    return struct.pack(">I", number)


def _frame(code: str, body: bytes) -> bytes:
    return code.encode("ascii") + _synchsafe(len(body) + 1) + b"\0\0\x03" + body  # 3: the text is UTF-8


def _synchsafe(number: int) -> bytes:
    """28 bits in four bytes of seven."""
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _counted(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _short_key(text: str) -> str:
    """Three characters are all that TKEY has: "F#m". Church modes are told apart only in the full name beside it."""
    try:
        key = Key.parse(text)
    except ValueError:
        return ""
    return key.name(key.tonic) + "m" * key.minorish


# --- reading: files may be foreign, broken or hostile, so every length is checked before it is used -------------------


def read_recipe(path: Path) -> Recipe:
    """The recipe in a WAV, FLAC, MP3, Opus or JSON file of ours. Raises BadRequest that names "file"."""
    text = _recipe_bytes(path)
    try:
        return Recipe.model_validate_json(text)
    except (ValidationError, RecursionError):
        raise BadRequest("file", "holds a recipe that this studio cannot read; was it made by a newer one?") from None


def _recipe_bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a named pipe would make us wait for ever
            raise BadRequest("file", "is not a file; give a song or a recipe that the studio made")
        with open(path, "rb") as file:
            found = _find(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "not a usable name"
        raise BadRequest("file", f"cannot be opened ({reason.lower()}); check the path") from None
    if found is None:
        raise BadRequest("file", "has no recipe; give a song or a recipe that the studio made")
    if len(found) > RECIPE_LIMIT:
        raise BadRequest("file", "holds a recipe of more than 1 MB; the studio's are far smaller")
    return found


def _find(file: BinaryIO, size: int) -> bytes | None:
    """The recipe's bytes, at most one more than the limit; None where there are none."""
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return _find_in_wav(file, size)
    if head[:4] == b"fLaC":
        return _find_in_flac(file, size)
    if head[:3] == b"ID3":
        return _find_in_id3(file, 0, size)
    if head[:4] == b"OggS":
        return _find_in_opus(file)
    if head.lstrip()[:1] == b"{":
        file.seek(0)
        return file.read(RECIPE_LIMIT + 1)
    return None


def _find_in_wav(file: BinaryIO, size: int) -> bytes | None:
    at = 12
    for _ in range(_MOST_PARTS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return None
        length = int.from_bytes(head[4:], "little")
        if head[:4].lower() == b"id3 ":
            return _find_in_id3(file, at + 8, min(size, at + 8 + length))
        at += 8 + length + length % 2
    return None


def _find_in_flac(file: BinaryIO, size: int) -> bytes | None:
    at = 4
    for _ in range(_MOST_PARTS):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4:
            return None
        length = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == _VORBIS_BLOCK:
            return _find_comment(file, at + 4, min(size, at + 4 + length))
        if head[0] & 0x80:
            return None
        at += 4 + length
    return None


def _find_in_opus(file: BinaryIO) -> bytes | None:
    """The second packet is put together from its pages."""
    packet = b""
    file.seek(0)
    for number in range(2 + 4 * RECIPE_LIMIT // _OGG_PAGE):
        head = file.read(27)
        laces = file.read(head[26]) if len(head) == 27 and head[:4] == b"OggS" else b""
        body = file.read(sum(laces))
        packet += body if number else b""
        if not laces or (number and laces[-1] < 255):
            break
    if packet[: len(_OPUS_TAGS)] != _OPUS_TAGS:
        return None
    return _find_comment(io.BytesIO(packet), len(_OPUS_TAGS), len(packet))


def _find_comment(file: BinaryIO, at: int, end: int) -> bytes | None:
    at += 4 + _number(file, at) + 4  # behind the vendor's name and the count, which nobody needs to believe
    wanted = f"{RECIPE_FIELD}=".encode()
    for _ in range(_MOST_PARTS):
        if at + 4 > end:
            return None
        length = _number(file, at)
        if at + 4 + length <= end and file.read(len(wanted)).upper() == wanted:
            return file.read(min(length - len(wanted), RECIPE_LIMIT + 1))
        at += 4 + length
    return None


def _find_in_id3(file: BinaryIO, at: int, end: int) -> bytes | None:
    file.seek(at)
    head = file.read(10)
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (3, 4) or head[5]:
        return None
    end = min(end, at + 10 + _unsynchsafe(head[6:]))
    for code, place, length in _frames(file, at + 10, end, head[3]):
        if code == b"TXXX":
            file.seek(place)
            if found := _user_text(file.read(min(length, 4 * RECIPE_LIMIT))):
                return found
    return None


def _frames(file: BinaryIO, at: int, end: int, version: int) -> Iterator[tuple[bytes, int, int]]:
    """Code, place and length of every frame that lies within the tag."""
    for _ in range(_MOST_PARTS):
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or not head[0]:
            return
        length = _unsynchsafe(head[4:8]) if version == 4 else int.from_bytes(head[4:8], "big")
        if at + 10 + length > end:
            return
        yield head[:4], at + 10, length
        at += 10 + length


def _user_text(body: bytes) -> bytes | None:
    """The recipe, where this TXXX frame is the one. Other programs that copy our tags may write them as UTF-16."""
    try:
        name, _, text = body[1:].decode(_ID3_TEXT[body[0]]).partition("\0")
    except (IndexError, KeyError, UnicodeDecodeError):
        return None
    matches = name.strip("\ufeff").upper() == RECIPE_FIELD
    return text.strip("\ufeff\0").encode("utf-8", "replace") if matches else None


def _unsynchsafe(raw: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(raw, (21, 14, 7, 0), strict=True))


def _number(file: BinaryIO, at: int) -> int:
    file.seek(at)
    return int.from_bytes(file.read(4), "little")
