"""Words of users as names: in a line of text, and on any file system."""

import unicodedata

_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}


def one_line(words: str, longest: int = 120) -> str:
    """What can be printed of `words`, in one line: no control characters, no broken text, not endless. May be empty."""
    printable = "".join(c if c.isprintable() else " " for c in words)
    return " ".join(printable.split())[:longest].strip()


def file_name(words: str, otherwise: str) -> str:
    """`words` as a file name without suffix on any system, capital first; `otherwise` where nothing of them is left."""
    kept = "".join(c if c.isalnum() or c in " -_()#+&" else " " for c in unicodedata.normalize("NFC", words))
    name = " ".join(kept.split())[:60].strip() or otherwise
    name = f"{name} {otherwise}" if name.upper() in _RESERVED else name  # Windows keeps these for its devices
    return name[0].upper() + name[1:]
