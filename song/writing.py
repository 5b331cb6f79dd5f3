"""What can be asked of a writer of lyrics. Declared once, as the modes are in song/request.py."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

import tooltips as tip
from song.languages import spoken
from song.request import SEED_LIMIT, Count, Form, Knobs, Prompt, Seed, Text, complaint, knob

STRUCTURE = "verse, chorus, verse, chorus, bridge, chorus"

GET = "studio models get qwen3-4b-instruct-2507"
OTHERS = f"the studio's own writer knows English only; for other languages get a model that speaks them: {GET}"


def _language(text: str) -> str:
    if text and not all(letter.isalpha() or letter in " -'()" for letter in text):
        raise ValueError('must be the name of a language, such as "German", or its code, such as "de"')
    return spoken(text)


WrittenIn = Annotated[Text, AfterValidator(_language)]


class Chatting(Knobs):
    """Language model"""

    temperature: float = knob(0.7, 0, 2, tip.temperature, 0.05)
    top_p: float = knob(0.8, 0, 1, tip.top_p, 0.01)
    top_k: Count = knob(20, 0, 2048, tip.top_k, 1)
    max_tokens: Count = knob(1500, 16, 8000, tip.max_tokens, 1)


class WriteLyrics(Chatting):
    """Lyrics from a brief."""

    brief: Prompt = Field(description=tip.brief, max_length=4000, json_schema_extra={"lines": 3})
    structure: Form = Field(STRUCTURE, description=tip.structure, max_length=1000)
    tone: Literal["auto", "hopeful", "sad", "tender", "defiant", "dreamy"] = Field("auto", description=tip.tone)
    rhyme: Literal["AABB", "ABAB", "ABBA", "ABCB", "AAAA", "loose"] = Field("AABB", description=tip.rhyme)
    lines: Count = knob(4, 2, 12, tip.lines, 1)
    language: WrittenIn = Field("", description=tip.language, max_length=30)
    writer: Text = Field("auto", description=tip.writer, max_length=120)
    seed: Seed = Field(None, ge=0, lt=SEED_LIMIT, description=tip.seed)


def read_brief(values: Mapping[str, Any]) -> WriteLyrics:
    """What is asked for, from plain values. Raises BadRequest with one sentence that names the field."""
    try:
        return WriteLyrics.model_validate(dict(values))
    except ValidationError as error:
        raise complaint(error, WriteLyrics) from None
