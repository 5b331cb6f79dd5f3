"""What can be asked of a writer of lyrics. Declared once, as the modes are in song/request.py."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

import tooltips as tip
from song.request import SEED_LIMIT, Count, Form, Knobs, Prompt, Seed, complaint, knob

STRUCTURE = "verse, chorus, verse, chorus, bridge, chorus"

OTHERS = (
    "the studio's own writer knows English only; for other languages get a chat model that speaks them, such as "
    "Qwen3-4B-Instruct-2507, and paste what it writes"
)


def _english(text: str) -> str:
    if text.strip().lower() not in ("", "en", "english"):
        raise ValueError(OTHERS)
    return "en"


WrittenIn = Annotated[str, AfterValidator(_english)]


class WriteLyrics(Knobs):
    """Lyrics from a brief."""

    brief: Prompt = Field(description=tip.brief, max_length=4000, json_schema_extra={"lines": 3})
    structure: Form = Field(STRUCTURE, description=tip.structure, max_length=1000)
    tone: Literal["auto", "hopeful", "sad", "tender", "defiant", "dreamy"] = Field("auto", description=tip.tone)
    rhyme: Literal["AABB", "ABAB", "ABBA", "ABCB", "AAAA", "loose"] = Field("AABB", description=tip.rhyme)
    lines: Count = knob(4, 2, 12, tip.lines, 1)
    language: WrittenIn = Field("en", description=tip.language, max_length=30)
    seed: Seed = Field(None, ge=0, lt=SEED_LIMIT, description=tip.seed)


def read_brief(values: Mapping[str, Any]) -> WriteLyrics:
    """What is asked for, from plain values. Raises BadRequest with one sentence that names the field."""
    try:
        return WriteLyrics.model_validate(dict(values))
    except ValidationError as error:
        raise complaint(error, WriteLyrics) from None
