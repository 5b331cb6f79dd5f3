"""Sessions for DAWs: a take's stems, lines, tempo, meter and sections as one zip that opens in Ardour, Reaper or, as
DAWproject, in Bitwig Studio, Studio One and Cubase.

Sounds go in as they are and uncompressed, since 32-bit float hardly shrinks: a session takes about as much room as the
stems and the song together, 23 MB a minute for each stem at 48 kHz and 17 MB for the song.
"""

import shutil
import zipfile
from pathlib import Path

from daw import ardour, dawproject, reaper
from daw.session import Session, outline, session
from durable import atomic
from song.progress import Progress, silent

FORMATS = {"ardour": ardour, "dawproject": dawproject, "reaper": reaper}
__all__ = ["FORMATS", "Session", "outline", "session", "write"]


def write(path: Path, kind: str, session: Session, progress: Progress = silent) -> None:
    """The session as a zip of one of FORMATS, whole or not at all. The same session gives the same bytes. Raises
    DiskFull; `progress` may raise Cancelled."""
    form = FORMATS[kind]
    with atomic(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        for name, content in form.files(session).items():
            archive.writestr(_entry(name), content)
        for number, sound in enumerate(session.sounds):
            progress(number / len(session.sounds), "Writing")
            place = _entry(f"{form.sounds(session)}/{sound.file}")
            with sound.opened() as (source, size), archive.open(place, "w", force_zip64=size > 2**31) as target:
                shutil.copyfileobj(source, target, 2**20)


def _entry(name: str) -> zipfile.ZipInfo:
    """Dated 1980, readable by all."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry
