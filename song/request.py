"""What can be asked for. A knob is declared here, once; page, script doors, command line and recipe read it from here.

A mode is a sentence of knob groups: `class Generate(Song, Arrangement, Mastering)`. `None` means "not said":
then the words decide, and where they are silent, the style does.
"""

import inspect
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
)

import tooltips as tip
from song.chart import read_chart
from song.errors import BadRequest
from song.key import Key
from song.loras import parse as read_loras
from song.regions import parse
from song.sections import read_form

SEED_LIMIT = 2**32
LOUDNESS = {"streaming": -14.0, "apple": -16.0, "club": -9.0, "broadcast": -23.0}  # LUFS; the last is EBU R128
LONGEST_FADE = 20  # seconds
METERS = ("2/4", "3/4", "4/4", "5/4", "6/8", "7/8")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def knob(default: Any, low: float, high: float, help: str, step: float | None = None) -> Any:
    """A number with a range; `step` is how finely the page moves it."""
    return Field(default, ge=low, le=high, description=help, json_schema_extra={"step": step})


def _clean(text: str) -> str:
    """Text as the studio keeps it: composed Unicode (NFC), no control characters, no broken surrogates."""
    if _FORBIDDEN.search(text):
        raise ValueError("contains control characters or broken text; type it again as plain words")
    return unicodedata.normalize("NFC", text).strip()


def _worded(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("is empty; describe the song in a few words")
    return text


def _named(text: str) -> str:
    if not text:
        raise ValueError("is missing; name a song of the library, or upload one")
    return text


def _whole(value: Any) -> Any:
    """Pages and JSON clients send whole numbers as 7.0."""
    return int(value) if isinstance(value, float) and math.isfinite(value) and value == int(value) else value


def _blank_is_unsaid(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def loudness(value: Any) -> Any:
    """LUFS for the name of a target; a number stays one."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() not in LOUDNESS:
        raise ValueError(f"must be a number from -30 to -8, or one of {', '.join(LOUDNESS)}")
    return LOUDNESS[value.strip().lower()]


def _key(text: str) -> str:
    return str(Key.parse(text))


def _chart(text: str) -> str:
    if text:
        read_chart(text)
    return text


def _form(text: str) -> str:
    if text:
        read_form(text)
    return text


def _regions(text: str) -> str:
    parse(text)
    return text


def _loras(text: str) -> str:
    read_loras(text)
    return text


Text = Annotated[str, AfterValidator(_clean)]
SongId = Annotated[str, AfterValidator(_clean), AfterValidator(_named)]
Loras = Annotated[str, AfterValidator(_clean), AfterValidator(_loras)]
Regions = Annotated[str, AfterValidator(_clean), AfterValidator(_regions)]
Chords = Annotated[str, AfterValidator(_clean), AfterValidator(_chart)]  # kept as typed
Form = Annotated[str, AfterValidator(_clean), AfterValidator(_form)]
Prompt = Annotated[str, AfterValidator(_clean), AfterValidator(_worded)]
StyleName = Annotated[
    Annotated[str, Field(max_length=60), AfterValidator(_clean)] | None, BeforeValidator(_blank_is_unsaid)
]
KeyName = Annotated[
    Annotated[str, Field(max_length=30), AfterValidator(_key)] | None, BeforeValidator(_blank_is_unsaid)
]
Seed = Annotated[int | None, BeforeValidator(_whole)]
Loudness = Annotated[float, BeforeValidator(loudness)]
Steps = Annotated[int | None, BeforeValidator(_whole)]
Count = Annotated[int, BeforeValidator(_whole)]
Meter = Annotated[Literal["2/4", "3/4", "4/4", "5/4", "6/8", "7/8"] | None, BeforeValidator(_blank_is_unsaid)]
Language = Annotated[
    Literal[
        "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "ht",
        "hu", "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sa",
        "sk", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh",
    ] | None,
    BeforeValidator(_blank_is_unsaid),
]  # fmt: skip
TrackName = Annotated[
    Literal[
        "vocals", "backing_vocals", "drums", "bass", "guitar", "keyboard", "percussion", "strings", "synth", "fx",
        "brass", "woodwinds",
    ] | None,
    BeforeValidator(_blank_is_unsaid),
]  # fmt: skip


class Knobs(BaseModel):
    """A group of knobs. The docstring of each group titles its accordion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Song(Knobs):
    """Song"""

    prompt: Prompt = Field(description=tip.prompt, max_length=4000, json_schema_extra={"lines": 3})
    style: StyleName = Field(None, description=tip.style)
    duration: float | None = knob(None, 1, 600, tip.duration, 1)
    bpm: float | None = knob(None, 30, 300, tip.bpm, 1)
    key: KeyName = Field(None, description=tip.key)


class Making(Knobs):
    """Take"""

    seed: Seed = Field(None, ge=0, lt=SEED_LIMIT, description=tip.seed)
    variations: Count = knob(1, 1, 8, tip.variations, 1)
    engine: Text = Field("auto", description=tip.engine, max_length=30)
    title: Text = Field("", description=tip.title, max_length=120)


class Singing(Knobs):
    """Lyrics and voice"""

    lyrics: Text = Field("", description=tip.lyrics, max_length=20_000, json_schema_extra={"lines": 6})
    lyricist: Text = Field("", description=tip.lyricist, max_length=500)
    singer: Literal["auto", "low", "high"] = Field("auto", description=tip.singer)
    instrumental: bool = Field(False, description=tip.instrumental)


class Bars(Knobs):
    """Meter"""

    meter: Meter = Field(None, description=tip.meter)


class Structure(Knobs):
    """Form and chords"""

    form: Form = Field("", description=tip.form, max_length=1000, json_schema_extra={"lines": 2})
    chords: Chords = Field("", description=tip.chords, max_length=4000, json_schema_extra={"lines": 3})


class Playing(Knobs):
    """Arrangement"""

    band: Text = Field("", description=tip.band, max_length=500)
    energy: float | None = knob(None, 0, 1, tip.energy, 0.05)
    density: float | None = knob(None, 0, 1, tip.density, 0.05)
    complexity: float | None = knob(None, 0, 1, tip.complexity, 0.05)
    swing: float | None = knob(None, 0, 1, tip.swing, 0.05)
    humanize: float = knob(0.5, 0, 1, tip.humanize, 0.05)
    ending: Literal["auto", "ring", "stop", "fade"] = Field("auto", description=tip.ending)


class Likeness(Knobs):
    """Likeness"""

    strength: float = knob(0.5, 0, 1, tip.strength, 0.05)


class Sampling(Knobs):
    """Sampling"""

    temperature: float = knob(1, 0, 2, tip.temperature, 0.05)
    top_k: Count = knob(250, 0, 2048, tip.top_k, 1)
    top_p: float = knob(0, 0, 1, tip.top_p, 0.01)
    stride: float = knob(18, 1, 27, tip.stride, 1)


class Metadata(Knobs):
    """Music metadata"""

    vocal_language: Language = Field(None, description=tip.vocal_language)


class Words(Knobs):
    """Lyrics"""

    lyrics: Text = Field("", description=tip.lyrics, max_length=20_000, json_schema_extra={"lines": 6})
    lyricist: Text = Field("", description=tip.lyricist, max_length=500)


class Planner(Knobs):
    """5 Hz LM"""

    thinking: bool = Field(True, description=tip.thinking)
    planner: Text = Field("", description=tip.planner, max_length=120)
    use_cot_caption: bool = Field(True, description=tip.use_cot_caption)
    use_cot_metas: bool = Field(True, description=tip.use_cot_metas)
    use_cot_language: bool = Field(True, description=tip.use_cot_language)
    lm_temperature: float = knob(0.85, 0, 2, tip.lm_temperature, 0.05)
    lm_top_k: Count = knob(0, 0, 2048, tip.lm_top_k, 1)
    lm_top_p: float = knob(0.9, 0, 1, tip.lm_top_p, 0.01)
    lm_guidance: float = knob(2, 1, 5, tip.lm_guidance, 0.1)
    lm_negative_prompt: Text = Field("", description=tip.lm_negative_prompt, max_length=500)


class Diffusion(Knobs):
    """Diffusion"""

    inference_steps: Steps = knob(None, 1, 200, tip.inference_steps, 1)
    infer_method: Literal["ode", "sde"] = Field("ode", description=tip.infer_method)


class Schedule(Knobs):
    """CFG schedule"""

    shift: float | None = knob(None, 1, 5, tip.shift, 0.1)
    cfg_interval_start: float = knob(0, 0, 1, tip.cfg_interval_start, 0.01)
    cfg_interval_end: float = knob(1, 0, 1, tip.cfg_interval_end, 0.01)
    use_adg: bool = Field(False, description=tip.use_adg)


class Tracks(Knobs):
    """One track"""

    task: Literal["repaint", "add", "extract", "complete"] = Field("repaint", description=tip.task)
    track: TrackName = Field(None, description=tip.track)


class Neural(Knobs):
    """Model"""

    checkpoint: Text = Field("auto", description=tip.checkpoint, max_length=120)
    precision: Literal["auto", "fp32", "bf16", "int8"] = Field("auto", description=tip.precision)
    guidance_scale: float | None = knob(None, 1, 15, tip.guidance_scale, 0.1)


class Adapters(Knobs):
    """LoRAs"""

    loras: Loras = Field("", description=tip.loras, max_length=1000)


class Mastering(Knobs):
    """Mastering"""

    target_lufs: Loudness = Field(
        -14, ge=-30, le=-8, description=tip.target_lufs, json_schema_extra={"step": 0.5, "names": dict(LOUDNESS)}
    )
    ceiling_dbtp: float = knob(-1, -9, 0, tip.ceiling_dbtp, 0.1)
    fade_in: float = knob(0, 0, LONGEST_FADE, tip.fade_in, 0.5)
    fade_out: float = knob(0, 0, LONGEST_FADE, tip.fade_out, 0.5)


class Original(Knobs):
    """Original"""

    source: SongId = Field(description=tip.source, max_length=80)


class Timbre(Knobs):
    """Reference"""

    reference: Text = Field("", description=tip.reference, max_length=80)


class Seam(Knobs):
    """Seam"""

    repaint_strength: float = knob(1, 0, 1, tip.repaint_strength, 0.05)


class Findings(Knobs):
    """What was heard"""

    source_bpm: float | None = knob(None, 30, 300, tip.source_bpm, 0.01)
    source_key: KeyName = Field(None, description=tip.source_key)
    source_meter: Meter = Field(None, description=tip.source_meter)
    source_downbeat: float | None = knob(None, 0, 600, tip.source_downbeat, 0.001)
    source_chords: Chords = Field("", description=tip.source_chords, max_length=20_000, json_schema_extra={"lines": 3})


class Generate(
    Song, Making, Singing, Bars, Structure, Playing, Timbre, Metadata, Planner, Diffusion, Schedule, Sampling, Neural,
    Adapters, Mastering,
):  # fmt: skip
    """A song from words."""

    mode: Literal["generate"] = "generate"


class Cover(
    Song, Original, Likeness, Timbre, Findings, Making, Singing, Playing, Metadata, Diffusion, Schedule, Sampling,
    Neural, Adapters, Mastering,
):  # fmt: skip
    """A known song in a new style."""

    prompt: Text = Field("", description=tip.prompt, max_length=4000, json_schema_extra={"lines": 2})
    mode: Literal["cover"] = "cover"


class Extend(
    Original, Timbre, Seam, Findings, Making, Playing, Words, Metadata, Diffusion, Schedule, Sampling, Neural, Adapters
):
    """A song that goes on, or begins earlier."""

    prompt: Text = Field("", description=tip.prompt, max_length=4000, json_schema_extra={"lines": 2})
    style: StyleName = Field(None, description=tip.style)
    side: Literal["end", "start"] = Field("end", description=tip.side)
    seconds: float = knob(20, 2, 300, tip.seconds, 1)
    mode: Literal["extend"] = "extend"


class Edit(
    Original, Timbre, Seam, Findings, Making, Tracks, Words, Metadata, Diffusion, Schedule, Sampling, Neural, Adapters
):
    """Some seconds of a song, or one of its parts, made anew."""

    prompt: Text = Field("", description=tip.prompt, max_length=4000, json_schema_extra={"lines": 2})
    style: StyleName = Field(None, description=tip.style)
    regions: Regions = Field("", description=tip.regions, max_length=400)
    mode: Literal["edit"] = "edit"


def _mode(value: Any) -> str | None:
    """A request that names no mode is a song from words."""
    found = value.get("mode", "generate") if isinstance(value, dict) else getattr(value, "mode", None)
    return found if isinstance(found, str) else None


SongRequest = Annotated[
    Annotated[Generate, Tag("generate")]
    | Annotated[Cover, Tag("cover")]
    | Annotated[Extend, Tag("extend")]
    | Annotated[Edit, Tag("edit")],
    Discriminator(_mode),
]
MODES: tuple[type[Knobs], ...] = (Generate, Cover, Extend, Edit)
MODELS: tuple[type[Knobs], ...] = (
    *(Timbre, Seam, Tracks, Words, Metadata, Planner, Diffusion, Schedule, Sampling, Neural, Adapters),
)
"""Groups that mean something to engines with downloaded models alone."""
_WHOLE = ("variations", "top_k", "lm_top_k", "inference_steps", "lines")
_BY_NAME = {mode.model_fields["mode"].default: mode for mode in MODES}
_adapter: TypeAdapter[Any] = TypeAdapter(SongRequest)


def originals(request: Any) -> dict[str, str]:
    """The songs that a request names: what each is to it, and its id."""
    named = {name: getattr(request, name, "") for name in ("source", "reference")}
    return {name: id for name, id in named.items() if id}


def has_source(request: Any) -> TypeGuard[Cover | Extend | Edit]:
    """True where a request starts from a song that is there."""
    return request.mode != "generate"


def read(values: Mapping[str, Any]) -> SongRequest:
    """A request from plain values. Raises BadRequest with one sentence that names the field."""
    try:
        return _adapter.validate_python(dict(values))
    except ValidationError as error:
        raise _sentence(error) from None


def read_json(text: str) -> SongRequest:
    """A request from its JSON. Raises BadRequest."""
    try:
        return _adapter.validate_json(text)
    except ValidationError as error:
        raise _sentence(error) from None


def groups(mode: type[Knobs]) -> Iterator[tuple[type[Knobs], dict[str, Any]]]:
    """The mode's knobs, group by group, in the order its class names them; what only this mode has comes first."""
    fields = getattr(mode, "model_fields", {})
    for part in mode.__mro__:
        names = [name for name in inspect.get_annotations(part) if name in fields and name != "mode"]
        if names:
            yield part, {name: fields[name] for name in names}


def fields(mode: type[Knobs]) -> dict[str, Any]:
    """All knobs of a mode by name, in order."""
    return {name: field for _, members in groups(mode) for name, field in members.items()}


def limits(field: Any) -> tuple[float | None, float | None]:
    """Lowest and highest value of a number knob, None where there is none."""
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    return low, high


def _sentence(error: ValidationError) -> BadRequest:
    """The first complaint as a plain sentence; it names the mode before the knob."""
    first = error.errors()[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return BadRequest("mode", f"must be one of {', '.join(_BY_NAME)}")
    mode, *place = (str(part) for part in first["loc"])
    return _complaint(first, place, fields(_BY_NAME[mode]))


def complaint(error: ValidationError, asked: type[Knobs]) -> BadRequest:
    """The first complaint about a request of one class as a plain sentence."""
    first = error.errors()[0]
    return _complaint(first, [str(part) for part in first["loc"]], fields(asked))


def _complaint(first: Any, place: list[str], knobs: dict[str, Any]) -> BadRequest:
    """A complaint in our words; pydantic's own speak of types, not of songs."""
    kind, context = first["type"], first.get("ctx", {})
    name = place[0] if place else "request"
    known = knobs.get(name)
    if kind == "extra_forbidden":
        return BadRequest(name[:60], f"no such setting; known are {', '.join(knobs)}")
    if name == "source" and kind in ("missing", "string_too_short"):
        return BadRequest(name, "is missing; give a song to start from")
    if kind == "missing":
        return BadRequest(name, "is missing; describe the song in a few words")
    if kind == "string_unicode":
        return BadRequest(name, "contains control characters or broken text; type it again as plain words")
    if kind == "value_error":
        return BadRequest(name, str(context["error"]))
    if kind == "string_too_long":
        return BadRequest(name, f"is too long; use at most {context['max_length']} characters")
    if kind == "literal_error":
        return BadRequest(name, f"must be one of {context['expected']}".replace("'", '"'))
    if name == "seed":
        return BadRequest(name, f"must be a whole number from 0 to {SEED_LIMIT - 1}")
    if known is not None and None not in (bounds := limits(known)):
        whole = "whole number" if "int" in kind or name in _WHOLE else "number"
        return BadRequest(name, f"must be a {whole} from {bounds[0]:g} to {bounds[1]:g}")
    return BadRequest(name, "must be text" if "string" in kind else "cannot be read; check its type")
