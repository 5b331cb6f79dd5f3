"""studio loras: what others trained on top of ACE-Step, kept here under a name."""

from pathlib import Path
from typing import Annotated

import typer

from song.errors import BadRequest
from terminal.common import Json, print_json, print_text, settled
from terminal.models import licence_of

adapters = typer.Typer(help="LoRAs: what others trained on top of ACE-Step, kept here under a name.")
LoraName = Annotated[str, typer.Argument(metavar="NAME", help="A LoRA, as `studio loras` lists it.")]


@adapters.callback(invoke_without_command=True)
def list_loras(context: typer.Context, as_json: Json = False) -> int:
    """Those that are here, what they are made for, and those that are published."""
    if context.invoked_subcommand is not None:
        return 0
    import checkpoints
    import loras

    with settled():
        rows = [lora.summary() for lora in loras.there()]
    here = {row["name"] for row in rows}
    more = [one for one in checkpoints.known("lora").values() if one.name not in here]
    if as_json:
        print_json({"loras": rows, "published": [{"name": one.name} | licence_of(one) for one in more]})
        return 0
    lines = [f"{row['name']:<28} {row['problem'] or row['words']}" for row in rows]
    lines += [f"{one.name:<28} not here; get it: studio models get {one.name}. {one.licence.sentence}" for one in more]
    print_text("\n".join(lines))
    return 0


@adapters.command(name="add")
def add_lora(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors file, or the folder that PEFT made.")],
    name: Annotated[str, typer.Option("--name", help="What to call it. Default: as the file is called.")] = "",
    config: Annotated[Path | None, typer.Option("--config", help="Its adapter_config.json, if it lies apart.")] = None,
    as_json: Json = False,
) -> int:
    """Look a LoRA through and keep it. The same file twice is one."""
    import loras

    with settled():
        row = loras.add(file, name, config).summary()
    print_json(row) if as_json else print_text(f"{row['name']}: {row['words']}. Use it with --loras {row['name']}:1")
    return 0


@adapters.command(name="forget")
def forget_lora(
    name: LoraName,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    as_json: Json = False,
) -> int:
    """Remove a LoRA. What was made with it stays, but cannot be made again."""
    import loras

    if not yes:
        raise BadRequest("yes", f"say --yes to remove {name[:80]}; it would have to be added again")
    with settled():
        gone = loras.forget(name)
    print_json({"name": gone.name, "freed": gone.bytes}) if as_json else print_text(f"{gone.name} is gone.")
    return 0
