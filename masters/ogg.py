"""Tags of an Ogg Opus file: its second packet is put in anew, with the recipe and the cover in it.

Sources: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg).
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numba import njit

_FULL = 255 * 255  # bytes of a packet that one page holds


def retagged(file: BinaryIO, comments: bytes) -> Iterator[bytes]:
    """The pages of an Opus stream with other comments (as in a Vorbis comment), numbered and summed up anew."""
    head = _page(file)
    assert head is not None and head[0][28:36] == b"OpusHead"
    yield head[0]
    while (page := _page(file)) is not None and page[1] == 0:  # the old tags: they end no stretch of sound
        pass
    number = 1
    packet = b"OpusTags" + comments
    packet += bytes(len(packet) % _FULL == 0)  # it must not fill its last page; RFC 7845 allows zeros behind
    for page_of_tags in _tag_pages(packet, head[0][14:18]):
        yield page_of_tags
        number += 1
    while page is not None:
        yield _numbered(page[0], number)
        number += 1
        page = _page(file)


def _page(file: BinaryIO) -> tuple[bytes, int] | None:
    """The next page, and its granule position: 0 in the pages of head and tags."""
    head = file.read(27)
    if len(head) < 27:
        return None
    laces = file.read(head[26])
    return head + laces + file.read(sum(laces)), int.from_bytes(head[6:14], "little")


def _tag_pages(packet: bytes, serial: bytes) -> Iterator[bytes]:
    for number, start in enumerate(range(0, len(packet), _FULL), 1):
        body = packet[start : start + _FULL]
        laces = bytes([255]) * (len(body) // 255)
        last = start + _FULL >= len(packet)
        laces += bytes([len(body) % 255]) if last else b""
        # A page on which no packet ends has the position -1.
        position = 0 if last else 2**64 - 1
        head = struct.pack("<4sBBQ4sIIB", b"OggS", 0, int(start > 0), position, serial, 0, 0, len(laces))
        yield _numbered(head + laces + body, number)


def _numbered(page: bytes, number: int) -> bytes:
    bare = page[:18] + struct.pack("<II", number, 0) + page[26:]
    return bare[:22] + struct.pack("<I", int(_sum(np.frombuffer(bare, np.uint8), _TABLE))) + bare[26:]


def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint64) << 24
    for _ in range(8):
        table = ((table << 1) ^ np.where(table & 0x80000000, 0x04C11DB7, 0).astype(np.uint64)) & 0xFFFFFFFF
    return table.astype(np.uint32)


_TABLE = _table()


@njit(cache=True, nogil=True)
def _sum(data, table):
    total = np.uint32(0)
    for byte in data:
        total = np.uint32(total << np.uint32(8)) ^ table[np.uint32(total >> np.uint32(24)) ^ np.uint32(byte)]
    return total
