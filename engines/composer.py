"""The embedded engine: writes the song and plays it, with no download, on any CPU."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from composer import cover, edit, extend, loop, places, sheet, typed, wish
from composer.arrange import compose
from composer.original import Original, sketch, style_for
from composer.plan import STYLES, Plan, plan
from composer.stanzas import BACKING, VOCALS
from composer.voice import singer
from composer.wish import Wish
from settings import settings
from song import findings, regions
from song.audio import Audio
from song.errors import BadRequest
from song.heard import Heard, joined
from song.lyrics import Lyrics
from song.progress import Progress, part
from song.request import (
    Bars,
    Cover,
    Edit,
    Extend,
    Findings,
    Generate,
    Knobs,
    Likeness,
    Making,
    Playing,
    Singing,
    Song,
    SongRequest,
    Structure,
)
from song.request import Original as Start
from song.score import Score
from song.source import Source
from song.take import Take

if TYPE_CHECKING:
    from composer.mix import Mixdown
    from composer.packed import Pack
    from composer.synth import SoundFont
    from engines.splicing import Joined

LEVEL = ("target_lufs", "ceiling_dbtp")
MASTERING = (*LEVEL, "fade_in", "fade_out")  # knobs that say how a song is finished
SHORTEST = 5.0  # seconds of a song; in less, a bar and its last chord find no room at most tempos
_RING = 5.0  # seconds, at most, that a new part rings on after its bars


class Composer:
    """prompt -> plan -> score -> stems -> mix, in about a second."""

    name = "composer"
    version = "2"
    modes: tuple[str, ...] = ("generate", "cover", "extend", "edit")
    groups: tuple[type[Knobs], ...] = (
        *(Song, Making, Singing, Bars, Structure, Playing, Start, Likeness, Findings),
        *(Cover, Extend, Edit),
    )

    def available(self) -> str | None:
        return None

    def styles(self) -> dict[str, str]:
        return {id: style.name for id, style in STYLES.items()}

    def checkpoints(self) -> tuple[str, ...]:
        return ()

    def duration(self, request: SongRequest, original: float = 0.0) -> float:
        if (getattr(request, "duration", None) or SHORTEST) < SHORTEST:
            raise BadRequest(
                "duration", f"the composer makes at least {SHORTEST:g} seconds; ask for more, or choose another engine"
            )
        if isinstance(request, Generate):
            return plan(request).duration
        _check(request, original)
        if isinstance(request, Cover):
            return request.duration or original
        return original + (request.seconds + _RING if isinstance(request, Extend) else 0.0)

    def load(self) -> None:
        from composer.synth import warm  # compiled code: half a second to import, so only where sound is made

        warm()

    def unload(self) -> None:
        """Nothing of it is large: a SoundFont reads only the samples that it plays."""

    @cached_property
    def _font(self) -> tuple["SoundFont | None", str]:
        """The SoundFont of this machine, and what the user should know about it."""
        from composer.synth import find, load

        return load(find(settings().soundfont))

    def generate(
        self,
        request: SongRequest,
        progress: Progress,
        source: Source | None = None,
        beside: tuple[SongRequest, ...] = (),
        reference: Audio | None = None,
    ) -> Take:
        progress(0.0, "Planning")
        if request.mode == "generate":
            return self._whole(request, plan(request), progress)
        assert source is not None, request.mode
        heard = findings.corrected(source.heard, request)
        return {"cover": self._cover, "extend": self._extend, "edit": self._edit}[request.mode](
            request, source, heard, progress
        )

    # -- the modes ----------------------------------------------------------------------------------------------------

    def _whole(self, request: Any, decided: Plan, progress: Progress, **shown: Any) -> Take:
        """A song of a plan, from the first note to the last."""
        progress(0.02, "Composing")
        score = compose(decided)
        mixed = self._played(decided, score, part(progress, 0.1, 1.0))
        mastering = {name: getattr(request, name) for name in MASTERING}
        return self._take(
            request,
            decided,
            audio=Audio(mixed.master),
            plan=decided.as_json() | {"chart": sheet.heard(decided, score).chart()} | shown,
            score=score,
            stems={name: Audio(samples) for name, samples in mixed.stems.items()},
            mix=Audio(mixed.mix),
            sheet=sheet.written(decided, score) | {"mastering": mastering},
        )

    def _cover(self, request: Any, source: Source, heard: Heard, progress: Progress) -> Take:
        known = Original(heard)
        decided = cover.covered(request, known, cover.energies(known, extend.levels(source.audio, known)))
        return self._whole(request, decided, progress, source=_told(source, heard))

    def _extend(self, request: Any, source: Source, heard: Heard, progress: Progress) -> Take:
        from engines import splicing

        known, style = Original(heard), style_for(request, _style(source))
        words = request.prompt or _words(style)
        onward = request.side == "end"
        if onward:
            bar = extend.last_bar(known, extend.levels(source.audio, known, parts=2))
            joint = extend.onward(request, known, bar, words, style)
        else:
            joint = extend.backward(request, known, words, style)
        joint = replace(joint, plan=_with_their_band(joint.plan, request, source))
        progress(0.02, "Composing")
        score = compose(joint.plan)
        score = score if onward else extend.without_last_chord(joint.plan, score)
        mixed = self._played(joint.plan, score, part(progress, 0.1, 0.9))
        progress(0.9, "Joining")
        bars, new = joint.plan.bars * joint.plan.bar_seconds, sheet.heard(joint.plan, score)
        rate = source.audio.sample_rate
        if onward:
            made = splicing.continued(source.audio, mixed.master, joint.at, joint.plan.bpm)
            cut = round(joint.at * rate) / rate
            pieces = [(heard, 0.0, cut, 0.0), (new, 0.0, new.duration, cut)]
        else:
            made = splicing.begun(source.audio, mixed.master, bars, joint.at, joint.plan.bpm)
            pieces = [(new, 0.0, bars, 0.0), (heard, joint.at, heard.duration, bars)]
        whole = joined(pieces, heard, made.audio.duration)
        added = f"{joint.plan.bars} bars {'after ' + format(joint.at, '.2f') + ' s' if onward else 'before the start'}"
        return self._onto(request, source, joint.plan, made, whole, heard, f"{added}, {joint.plan.words()}")

    def _edit(self, request: Any, source: Source, heard: Heard, progress: Progress) -> Take:
        spans, words = regions.inside(request.regions, source.audio.duration), request.prompt
        mine = _rewritable(source, self.version)
        if mine and words:
            words, named = places.placed(words, mine[0])
            spans = spans or regions.joined(named)
        if mine and not request.style:
            wanted = wish.understood(words, mine[0]) if words else wish.everything(mine[0])
            if wanted:
                return self._rewrite(request, source, *mine, spans, wanted, progress)
        elif not mine and words and wish.commands(words):
            raise BadRequest(
                "prompt",
                "this song cannot be taken apart, since it was not made by this version of the studio; "
                "say how its regions should sound as a whole",
            )
        if not spans:
            raise BadRequest("regions", 'is missing; say which seconds should be made anew, like "12-24"')
        return self._recompose(request, source, heard, spans, words, progress)

    def _rewrite(
        self,
        request: Any,
        source: Source,
        decided: Plan,
        score: Score,
        spans: tuple[regions.Region, ...],
        wanted: Wish,
        progress: Progress,
    ) -> Take:
        """A song of our own: the parts that were named, inside the regions, and the rest as it was."""
        import post_process
        from engines import splicing

        spans = spans or ((0.0, source.audio.duration),)
        progress(0.02, "Composing")
        decided, score, notices = edit.rewritten(decided, score, spans, wanted, request.seed)
        mixed = self._played(decided, score, part(progress, 0.1, 0.8))
        finished = post_process.finish(
            Audio(mixed.master), **source.sheet["mastering"], progress=part(progress, 0.8, 0.95)
        )
        made = splicing.rewritten(source.audio, finished.audio, spans, 60 / decided.bpm)
        where = ", ".join(f"{round(start, 2):g}-{round(end, 2):g} s" for start, end in spans)
        rest = "" if spans == ((0.0, source.audio.duration),) and wanted.whole else "; everything else as it was"
        words = f"{wanted.words} in {where}{rest}"
        known = dict(source.recipe.plan if source.recipe else {}) | {"words": words, "source": _told(source, None)}
        left = {role for role, verb in wanted.roles.items() if verb == "none"} - {track.role for track in score.tracks}
        band = {role: name for role, name in decided.as_json()["band"].items() if role not in left}
        take = self._take(
            request,
            replace(decided, notices=tuple(notices)),
            audio=made.audio,
            plan=known | {"way": "rewritten", "band": band},
            score=score,
            stems={name: Audio(samples) for name, samples in mixed.stems.items()},
            mix=Audio(mixed.mix),
            sheet=sheet.written(decided, score) | {"mastering": source.sheet["mastering"]},
        )
        return replace(take, splice=made.splice)

    def _recompose(
        self,
        request: Any,
        source: Source,
        heard: Heard,
        spans: tuple[regions.Region, ...],
        said: str,
        progress: Progress,
    ) -> Take:
        """Any song: new music in the regions, in the tempo, key and chords that were heard there."""
        from engines import splicing

        known, style = Original(heard), style_for(request, _style(source))
        words = said or _words(style)
        energies = cover.energies(known, extend.levels(source.audio, known))
        pieces, heards, done, patch = [], [], 0.0, None
        for place, span in enumerate(spans):
            within = part(progress, 0.9 * place / len(spans), 0.9 * (place + 1) / len(spans))
            within(0.0, "Composing")
            patch = edit.recomposed(request, known, span, words, style, energies)
            patch = replace(patch, plan=_with_their_band(patch.plan, request, source))
            score = compose(patch.plan)
            mixed = self._played(patch.plan, score, within)
            pieces.append(splicing.Piece(mixed.master, patch.start, patch.end, patch.lead_in, span))
            new = sheet.heard(patch.plan, score)
            heards += [(heard, done, patch.start, done)]
            heards += [(new, patch.lead_in, patch.lead_in + patch.end - patch.start, patch.start)]
            done = patch.end
        assert patch is not None
        progress(0.9, "Joining")
        made = splicing.patched(source.audio, pieces)
        whole = joined([*heards, (heard, done, heard.duration, done)], heard, heard.duration)
        where = ", ".join(f"{piece.start:.2f}-{piece.end:.2f} s" for piece in pieces)
        return self._onto(
            request, source, patch.plan, made, whole, heard, f"New music in {where}: {patch.plan.words()}"
        )

    def looped(
        self, decided: Plan, score: Score, span: loop.Bars, mastering: Mapping[str, float], progress: Progress
    ) -> Audio:
        """Bars of a song of this plan and score as a loop, see composer.loop; `mastering` is what the song's sheet has
        of that name; of it the level counts, since a fade would be heard every time round."""
        import post_process

        over, again = loop.repeated(decided, score, span)
        mixed = self._played(over, again, part(progress, 0.0, 0.85))
        level = {name: mastering[name] for name in LEVEL if name in mastering}
        whole = post_process.finish(Audio(mixed.master), **level, progress=part(progress, 0.85, 1.0))
        return loop.cut(whole.audio, over, span)

    def packed(self, decided: Plan, score: Score, span: loop.Bars, progress: Progress) -> "tuple[Pack, dict[str, Any]]":
        """Bars of a song of this plan and score as a game pack, and its cue sheet, see composer.pack."""
        from composer import packed

        made = packed.sounded(decided, score, span, self._font[0], progress)
        return made, packed.cues(decided, score, span, made)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _played(self, decided: Plan, score: Score, progress: Progress) -> "Mixdown":
        from composer.mix import mixdown
        from composer.synth import render

        stems = render(score, decided, self._font[0], part(progress, 0.0, 0.55))
        return mixdown(stems, score, decided, part(progress, 0.55, 1.0))

    def _take(self, request: Any, decided: Plan, **made: Any) -> Take:
        font, notice = self._font
        sampled = any(player.sampled for player in decided.band.values())
        score = made.get("score")
        sung = Lyrics.sung(score) if score and score.lyrics else None
        sung = typed.as_typed(sung, decided.lyrics) if sung and decided.lyrics else sung
        who, why = singer() if sung else (None, "")
        return Take(
            request=request,
            engine=self.name,
            engine_version=self.version,
            lyrics=sung,
            notices=tuple(filter(None, (*decided.notices, notice if sampled else "", why))),
            versions={"soundfont": font.name if font else "none"} | ({"voice": who.name} if who else {}),
            **made,
        )

    def _onto(
        self,
        request: Any,
        source: Source,
        decided: Plan,
        made: "Joined",
        whole: Heard,
        heard: Heard,
        words: str,
    ) -> Take:
        """A take whose sound is partly that of its source."""
        shown = decided.as_json() | {
            "words": words,
            "way": "recomposed",
            "bpm": heard.bpm,
            "duration": made.audio.duration,
            "sections": _sections(whole),
            "chart": whole.chart(),
            "source": _told(source, heard),
        }
        take = self._take(
            request,
            decided,
            audio=made.audio,
            plan=shown,
            stems=made.layers(),
            sheet={"heard": whole.model_dump(mode="json")},
        )
        return replace(take, splice=made.splice, notices=(*take.notices, *made.notices))


def _check(request: Any, original: float) -> None:
    """Whatever can be refused before anybody listens. Raises BadRequest."""
    if isinstance(request, Edit):
        regions.inside(request.regions, original)
    if isinstance(request, Cover) and not (request.prompt or request.style):
        raise BadRequest("style", "is missing; name a style, or say in the words how the cover should sound")
    sketch(request, request.prompt or _words(request.style), 30.0)


def _rewritable(source: Source, version: str) -> tuple[Plan, Score] | None:
    """Plan and score of a take whose every other note this engine can play exactly as it was."""
    if source.recipe is None or source.recipe.engine_version != version or source.recipe.engine != Composer.name:
        return None
    return sheet.read(source.sheet) if "mastering" in source.sheet else None


def _style(source: Source) -> str | None:
    """The style of a take; None for an upload."""
    style = source.recipe.plan.get("style") if source.recipe else None
    return style if style in STYLES else None


def _with_their_band(decided: Plan, request: Any, source: Source) -> Plan:
    """New music for a take of our own: its own players in its own room, where nobody asked for others."""
    mine = sheet.read(source.sheet)
    if mine is None or request.prompt or getattr(request, "band", "") or mine[0].style != decided.style:
        return decided
    band = {role: part for role, part in mine[0].band.items() if role not in (VOCALS, BACKING)}
    return replace(decided, band=band, mix=mine[0].mix) if band else decided


def _words(style: str | None) -> str:
    return STYLES[style].name if style in STYLES else style or "a song"


def _told(source: Source, heard: Heard | None) -> dict[str, Any]:
    """The source as the plan shows it."""
    return {"id": source.id, "title": source.title} | ({"heard": heard.words()} if heard else {})


def _sections(heard: Heard) -> list[dict[str, Any]]:
    known = Original(heard)
    return [
        {
            "name": one.name,
            "start_bar": one.start,
            "bars": one.bars,
            "seconds": round(one.bars * known.bar * 60 / known.bpm, 3),
            "energy": one.energy,
        }
        for one in known.sections
    ]
