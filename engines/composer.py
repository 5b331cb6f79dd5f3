"""The embedded engine: writes the song and plays it, with no download, on any CPU."""

from functools import cached_property
from typing import TYPE_CHECKING

from composer.arrange import compose
from composer.plan import STYLES, plan
from settings import settings
from song.audio import Audio
from song.progress import Progress, part
from song.request import Findings, Knobs, Making, Original, Playing, Singing, Song, SongRequest, Structure
from song.take import Take

if TYPE_CHECKING:
    from composer.synth import SoundFont


class Composer:
    """prompt -> plan -> score -> stems -> mix, in about a second."""

    name = "composer"
    version = "1"
    modes: tuple[str, ...] = ("generate",)
    groups: tuple[type[Knobs], ...] = (Song, Making, Singing, Structure, Playing, Original, Findings)

    def available(self) -> str | None:
        return None

    def styles(self) -> dict[str, str]:
        return {id: style.name for id, style in STYLES.items()}

    def duration(self, request: SongRequest) -> float:
        return plan(request).duration

    def load(self) -> None:
        from composer.synth import warm  # compiled code: half a second to import, so only where sound is made

        warm()

    @cached_property
    def _font(self) -> tuple["SoundFont | None", str]:
        """The SoundFont of this machine, and what the user should know about it."""
        from composer.synth import find, load

        return load(find(settings().soundfont))

    def generate(self, request: SongRequest, progress: Progress) -> Take:
        from composer.mix import mixdown
        from composer.synth import render

        progress(0.0, "Planning")
        decided = plan(request)
        progress(0.02, "Composing")
        score = compose(decided)
        font, notice = self._font
        sampled = any(player.sampled for player in decided.band.values())
        stems = render(score, decided, font, part(progress, 0.1, 0.6))
        mixed = mixdown(stems, score, decided, part(progress, 0.6, 1.0))
        return Take(
            request=request,
            engine=self.name,
            engine_version=self.version,
            audio=Audio(mixed.master),
            plan=decided.as_json(),
            score=score,
            stems={name: Audio(samples) for name, samples in mixed.stems.items()},
            notices=(*decided.notices, *([notice] if sampled else [])),
            versions={"soundfont": font.name if font else "none"},
        )
