"""Master: the shape in which a kept take leaves the studio. The take itself stays as it is."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

import tooltips as tip
from song.errors import BadRequest
from song.files import KINDS, SOUNDS
from song.request import LONGEST_FADE, LOUDNESS, Knobs, Loudness, complaint, knob

RATES = {"mp3": (44_100, 48_000), "opus": (48_000,)}  # that lossy kinds of file can have, best last
_SHORT = {"target_lufs": "target", "ceiling_dbtp": "ceiling", "fade_in": "fadein", "fade_out": "fadeout"}


def _rate(value: Any) -> Any:
    """Hertz; 44.1, 48 and 96 are kilohertz, and addresses and command lines bring text."""
    try:
        number = float(value)
        return round(1000 * number if number < 1000 else number)
    except (TypeError, ValueError, OverflowError):  # no number, NaN, infinite
        return value


def _lufs(value: Any) -> Any:
    """Addresses and command lines bring numbers as text; names are looked up by the type."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _lower(value: Any) -> Any:
    """V0 is how people write it."""
    return value.lower() if isinstance(value, str) else value


Rate = Annotated[Literal[44_100, 48_000, 96_000], BeforeValidator(_rate)]
Number = Annotated[float, BeforeValidator(_lufs)]


class Master(Knobs):
    """Master"""

    rate: Rate = Field(48_000, description=tip.rate)
    depth: Literal["16", "24", "32f"] = Field("24", description=tip.depth)
    quality: Annotated[Literal["320", "v0"], BeforeValidator(_lower)] = Field("320", description=tip.quality)
    target_lufs: Annotated[Loudness, BeforeValidator(_lufs)] | None = Field(
        None, ge=-30, le=-8, description=tip.target_lufs, json_schema_extra={"names": dict(LOUDNESS)}
    )
    ceiling_dbtp: Number | None = Field(None, ge=-9, le=0, description=tip.ceiling_dbtp)
    trim: bool = Field(False, description=tip.trim, strict=False)
    fade_in: Number = knob(0, 0, LONGEST_FADE, tip.fade_in, 0.5)
    fade_out: Number = knob(0, 0, LONGEST_FADE, tip.fade_out, 0.5)

    @property
    def plain(self) -> bool:
        """Whether the take is wanted as it is."""
        return not self.model_dump(exclude_defaults=True)

    @property
    def name(self) -> str:
        """What tells this master from others in a file's name."""
        told = self.model_dump(exclude_defaults=True)
        return "".join(f"-{_SHORT.get(name, name)}{value}" for name, value in told.items())


PLAIN = Master()


def read_master(kind: str, values: dict[str, Any]) -> Master:
    """A master of one kind from plain values. Raises BadRequest for what such a file cannot be."""
    try:
        master = Master.model_validate(values)
    except ValidationError as error:
        raise complaint(error, Master) from None
    check(kind, master)
    return master


def check(kind: str, master: Master) -> None:
    """Raises BadRequest where a kind of file cannot be what is asked of it."""
    if kind not in SOUNDS:
        if not master.plain or kind not in KINDS:
            raise BadRequest("kind", f"must be one of {', '.join(SOUNDS if kind in KINDS else KINDS)}")
        return
    if master.rate not in RATES.get(kind, (master.rate,)):
        known = " or ".join(f"{rate}" for rate in RATES[kind])
        raise BadRequest("rate", f"must be {known} in {kind}; wav and flac take all")
    if kind == "flac" and master.depth == "32f":
        raise BadRequest("depth", "must be 16 or 24 in flac, which holds whole numbers; take wav for 32f")
    if kind in RATES and master.depth != "24":
        raise BadRequest("depth", f"means nothing in {kind}; take wav or flac")
    if kind != "mp3" and master.quality != "320":
        raise BadRequest("quality", f"means nothing in {kind}; it is how mp3 is packed")
