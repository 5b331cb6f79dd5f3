"""May it be sold? The answer for everything that a take can be made of, kept, searched, and given to old takes."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import checkpoints
import ledger
from library import Library
from settings import ROOT, Settings
from song.errors import BadRequest
from song.ledger import Ledger
from song.request import Cover, Generate
from takes import fill, recipe

MUSICGEN = {"engine": "musicgen", "versions": {"torch": "2", "checkpoint": "musicgen-small 4c8334b"}}


def acestep(**versions: str) -> dict[str, Any]:
    return {"engine": "acestep", "versions": {"checkpoint": "acestep-v15-turbo 1"} | versions}


def by(lyricist: str) -> Generate:
    return Generate(prompt="folk", seed=1, lyrics="Hold on", lyricist=lyricist)


def kept(library: Library, id: str, **made: Any) -> None:
    folder = library.settings.temp / id
    fill(folder, recipe(id, **made))
    library.keep(recipe(id, **made), folder)


@pytest.mark.parametrize(
    ("made", "sell", "why"),
    [
        ({}, "yes", "the studio's own"),
        ({"versions": {"soundfont": "FluidR3Mono_GM.sf3", "voice": "Flite"}}, "yes", "MIT"),
        ({"versions": {"soundfont": "none", "voice": "formant"}}, "yes", "the studio's own"),
        ({"versions": {"soundfont": "Bought once.sf2"}}, "unknown", "licence of the SoundFont Bought once.sf2"),
        (MUSICGEN, "no", "musicgen-small is under CC-BY-NC 4.0, which forbids commercial use"),
        ({"engine": "musicgen", "versions": {"checkpoint": "mine 1"}}, "unknown", "none of the published ones"),
        (acestep(), "yes", "MIT"),
        (acestep(planner="acestep-5hz-lm-0.6b 1"), "yes", "MIT"),
        (acestep(**{"lora erhu": "ab at 1"}), "unknown", "the LoRA erhu is none of the published ones"),
        (acestep(**{"lora erhu": "ab", "lora chinese-new-year-lora": "cd"}), "no", "is under OpenRAIL-M"),
        ({"request": by("qwen3-4b-instruct-2507 cdb (Apache-2.0), seed 5: the sea")}, "yes", "Apache-2.0"),
        ({"request": by("embedded 2, seed 5: sea; in part mine 1, seed 3: fog")}, "unknown", "the writer mine is none"),
        ({"request": by("Ann Lee, in her kitchen")}, "yes", "the studio's own"),
        ({"engine": "a newer one"}, "unknown", "nobody here knows what the engine a newer one plays with"),
    ],
)  # fmt: skip
def test_the_least_free_part_decides(made: dict[str, Any], sell: str, why: str) -> None:
    found = ledger.judged(recipe(**made), {})
    assert found.sell == sell and found.reason.startswith(f"{sell.capitalize()}: ")
    assert why in (found.made_with if sell == "yes" else found.reason)
    assert found.reason.count(".") - found.reason.count("4.0") - found.reason.count(".sf") <= 1, "one sentence"
    assert all(part.name in found.made_with for part in found.parts)


def test_a_licence_that_nobody_stated_is_not_known() -> None:
    unstated = [one.name for one in checkpoints.known().values() if not one.licence.stated]
    assert unstated and all(
        ledger.judged(recipe(**acestep(checkpoint=f"{name} 1")), {}).sell == "unknown" for name in unstated
    )


def test_what_a_take_was_made_from_counts_and_the_search_finds_it(tmp_path: Path) -> None:
    library = Library(Settings(home=tmp_path / "home"))
    kept(library, "free")
    kept(library, "bound", **MUSICGEN)
    library.forget("bound")  # what was made from it is no freer for that
    for source in ("free", "bound", "u0123456789abcdef", "gone"):
        kept(library, f"of {source}", request=Cover(prompt="jazz", source=source, seed=1))
    both = Cover(prompt="jazz", source="free", reference="bound", seed=1)
    kept(library, "of both", request=both)
    found = {answer: [take.id for take in library.takes(sell=answer)] for answer in ("yes", "no", "unknown")}
    assert found == {
        "yes": ["of free", "free"],
        "no": ["of both", "of bound"],
        "unknown": ["of gone", "of u0123456789abcdef"],
    }
    assert library.count(sell="no") == 2 and library.count("jazz", sell="no") == 2 and library.count() == 6
    why = library.take("of bound").ledger.reason
    assert (
        "musicgen-small is under CC-BY-NC 4.0" in why and library.take("of bound").summary()["ledger"]["sell"] == "no"
    )
    with pytest.raises(BadRequest, match="sell: must be one of yes, no, unknown"):
        library.takes(sell="maybe")


def test_old_takes_get_their_ledger_from_their_recipes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    assert [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()][-1] == "0001"
    with _connected(settings) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    rows = {"old": recipe("old", **MUSICGEN), "child": recipe("child", request=Cover(prompt="x", source="old", seed=1))}
    with sqlite3.connect(settings.database) as database:
        for id, made in rows.items():
            database.execute("insert into takes values (?, '', ?, 0, null)", (id, made.model_dump_json()))
    database.close()
    library = Library(settings)
    assert [take.id for take in library.takes(sell="no")] == ["child", "old"]
    assert Ledger.model_validate(library.take("old").ledger.model_dump()).parts[0].name == "musicgen-small"


def _connected(settings: Settings) -> Any:
    import sqlalchemy as sa

    return sa.create_engine(f"sqlite:///{settings.database}").begin()
