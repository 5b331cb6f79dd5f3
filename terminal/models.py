"""studio models: the weights that others publish, what they cost, and what they may be used for."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from song.errors import BadRequest, Cancelled
from terminal.common import Json, on_signals, print_json, print_text, settled, stoppable

if TYPE_CHECKING:
    from checkpoints import Checkpoint, Found

models = typer.Typer(help="Models that others publish: what there is, what it costs, what it may be used for.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model, as `studio models` lists it.")]


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: Json = False) -> int:
    """What is known and what is there: size, licence, parameters, memory needed, where."""
    if context.invoked_subcommand is not None:
        return 0
    import checkpoints

    with settled():
        found = {one.name: one for one in checkpoints.there()}
    known = checkpoints.known()
    rows = [_model(name, known.get(name), found.get(name)) for name in dict.fromkeys([*known, *found])]
    if as_json:
        print_json({"models": rows})
        return 0
    print_text("\n".join(_model_line(row) for row in rows))
    sentences = dict.fromkeys(checkpoint.licence.sentence for checkpoint in known.values())
    print_text(
        "\n".join(
            ["", *sentences, "Memory: for 30 seconds (MusicGen), a minute (ACE-Step). Get one: studio models get NAME"]
        )
    )
    return 0


@models.command(name="get")
def get_model(
    name: Name,
    accept: Annotated[bool, typer.Option("--accept-licence", help="You have read its licence and keep to it.")] = False,
    as_json: Json = False,
) -> int:
    """Download a model. What was begun is gone on with; Ctrl-C keeps what has come."""
    import checkpoints

    checkpoint = checkpoints.known().get(name)
    if checkpoint is None:
        raise BadRequest("name", f"there is no model {name[:80]}; choose {', '.join(checkpoints.known())}")
    with settled():
        folder = checkpoints.find(name)
        if folder is None:
            _agree(checkpoint, accept)
            folder = _fetched(name)
        if checkpoint.kind == "lora":
            import loras

            loras.add(folder, name, licence=checkpoint.licence.sentence)
    if as_json:
        print_json({"name": name, "path": str(folder), "bytes": checkpoints.size(folder)} | licence_of(checkpoint))
    else:
        print_text(f"{name} is in {folder}. {checkpoint.licence.sentence}")
    return 0


@models.command(name="check")
def check_model(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A model that is here, or a folder.")],
    as_json: Json = False,
) -> int:
    """Whether a model is whole: every file there, what its name says, and as it was published where that is known."""
    import checkpoints

    with settled():
        folder = next(checkpoints.places(name), None) or (Path(name) if Path(name).is_dir() else checkpoints.need(name))
        checkpoints.check(folder)
        unknown = _verified(folder)
        size, kind = checkpoints.size(folder), checkpoints.kind(folder)
    if as_json:
        row = {"name": name, "path": str(folder), "bytes": size, "kind": kind}
        print_json(row | {"whole": True, "without_hash": unknown})
    else:
        print_text(f"{folder} is whole, {gigabytes(size)}. {_told(unknown)}")
    return 0


def _verified(folder: Path) -> list[str]:
    """Every byte held against its hash, with a bar on a terminal; the files of which none is known."""
    import checkpoints

    with stoppable() as progress:
        return list(checkpoints.verify(folder, lambda done, total, what: progress(done / total, what), again=True))


def _told(unknown: list[str]) -> str:
    if not unknown:
        return "Every file is as it was published."
    more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
    return f"No hash is known of {', '.join(unknown[:3])}{more}, so damage inside would not be seen."


@models.command(name="forget")
def forget_model(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    as_json: Json = False,
) -> int:
    """Remove a model that the studio downloaded, or began to."""
    import checkpoints

    if not yes:
        raise BadRequest("yes", f"say --yes to remove {name[:80]}; it would have to be downloaded again")
    with settled():
        freed = checkpoints.forget(name)
    if as_json:
        print_json({"name": name, "freed": freed})
    else:
        print_text(f"{name} is gone; {gigabytes(freed)} are free again.")
    return 0


def _agree(checkpoint: "Checkpoint", accept: bool) -> None:
    """Nobody downloads weights without having been told what they may be used for."""
    licence = checkpoint.licence
    if not accept:
        raise BadRequest(
            "accept-licence",
            f"{licence.sentence} Read {licence.url}, then say --accept-licence to download {checkpoint.name} "
            f"({gigabytes(checkpoint.bytes)})",
        )
    print(f"{licence.sentence} {licence.url}", file=sys.stderr)


def _fetched(name: str) -> Path:
    """Download, with a bar in bytes on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    import checkpoints

    on_signals(signal.default_int_handler)  # in the middle of waiting for a server, too
    columns = (
        TextColumn("{task.description:34}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task("asking the hub", total=None)
        try:
            return checkpoints.fetch(
                name, lambda done, total, what: bar.update(line, completed=done, total=total, description=what)
            )
        except KeyboardInterrupt:
            raise Cancelled(f"Stopped; what has come is kept, go on with: studio models get {name}") from None


def _model(name: str, checkpoint: "Checkpoint | None", found: "Found | None") -> dict[str, Any]:
    """One model, known or somebody's own."""
    row: dict[str, Any] = {"name": name, "there": found is not None and found.problem is None}
    if checkpoint is not None:
        row |= {"kind": checkpoint.kind, "channels": checkpoint.channels, "parameters": checkpoint.parameters}
        row |= {
            "bytes": checkpoint.bytes,
            "memory": checkpoint.needs,
            "repo": checkpoint.repo,
            "revision": checkpoint.revision,
        }
        row |= licence_of(checkpoint) | {"notes": checkpoint.notes}
    if found is not None:
        row |= {"kind": found.kind, "bytes": found.bytes, "path": str(found.path), "problem": found.problem}
        row |= {"layout": found.layout, "downloaded": found.ours}
    return row


def licence_of(checkpoint: "Checkpoint") -> dict[str, Any]:
    licence = checkpoint.licence
    return {"licence": licence.name, "licence_url": licence.url, "non_commercial": licence.non_commercial}


def _model_line(row: dict[str, Any]) -> str:
    facts = [row["kind"] or "kind unknown", f"{gigabytes(row['bytes'])} on disk"]
    if "parameters" in row:
        heard = [] if row["kind"] in ("planner", "chat", "lora") else ["stereo" if row["channels"] == 2 else "mono"]
        facts[1:1] = [*heard, f"{_counted(row['parameters'])} parameters"]
        facts.append("memory " + ", ".join(f"{gigabytes(size)} {one}" for one, size in row["memory"].items()))
    facts.append(row.get("licence", "licence: ask whoever made it"))
    where = row.get("problem") or row.get("path") or "not here"
    return f"{'*' if row['there'] else ' '} {row['name']:<30} {', '.join(facts)}; {where}"


def _counted(parameters: int) -> str:
    return f"{parameters / 1e9:.1f} B" if parameters >= 10**8 else f"{parameters / 1e6:.0f} M"


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
