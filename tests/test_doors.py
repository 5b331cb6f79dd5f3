"""The script doors of the modes that start from a song: a real studio, a real gradio_client, real files."""

import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file

import tiny_loras
from song.request import Cover, Edit, Extend, fields

WORDS = "lo-fi hip hop, 96 bpm, A minor, 4/4"


@pytest.fixture(scope="module")
def client(server: str) -> Client:
    return Client(server, verbose=False, download_files=True)


@pytest.fixture(scope="module")
def song(client: Client) -> tuple[str, dict[str, Any]]:
    return client.predict(prompt=WORDS, duration=10, seed=3, api_name="/generate")


@pytest.mark.parametrize("mode", [Cover, Extend, Edit], ids=lambda mode: mode.__name__)
def test_every_knob_is_a_named_parameter_with_its_default(client: Client, mode: Any) -> None:
    door = client.view_api(return_format="dict", print_info=False)["named_endpoints"][f"/{mode.__name__.lower()}"]
    told = {one["parameter_name"]: one for one in door["parameters"]}
    assert list(told) == ["audio", *fields(mode)]
    for name, field in fields(mode).items():
        assert told[name]["parameter_has_default"]
        assert name == "source" or told[name]["parameter_default"] == field.default


def test_listen_edit_extend_and_cover_a_take(client: Client, song: tuple[str, dict[str, Any]]) -> None:
    path, take = song
    source, heard = client.predict(source=take["id"], api_name="/listen")
    assert source == take["id"] and heard["bpm"] == 96 and heard["words"].startswith("I hear 96 bpm, A minor, 4/4")
    old, rate = soundfile.read(path, dtype="int32")

    edited, told = client.predict(source=source, prompt="new drums", regions="2.5-5", seed=1, api_name="/edit")
    new, _ = soundfile.read(edited, dtype="int32")
    changed = np.flatnonzero((old != new).any(axis=1)) / rate
    assert changed[0] >= 2.5 and changed[-1] < 5
    assert told["proof"]["changed_outside"] == 0 and told["parent"] == source and told["mode"] == "edit"

    longer, told = client.predict(source=source, seconds=5, seed=1, api_name="/extend")
    new, _ = soundfile.read(longer, dtype="int32")
    first = told["proof"]["regions"][0]["first"]
    assert len(new) > len(old) and np.array_equal(new[:first], old[:first])

    _, told = client.predict(source=source, style="house", seed=1, api_name="/cover")
    assert (told["plan"]["bpm"], told["plan"]["key"], told["plan"]["style"]) == (96, "A minor", "house")
    assert [one["mode"] for one in client.predict(limit=3, api_name="/library")] == ["cover", "extend", "edit"]


def test_an_upload_is_listened_to_and_edited(
    server: str, client: Client, song: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    upload = tmp_path / "my song.flac"
    samples, rate = soundfile.read(song[0], dtype="int32")
    samples = -samples  # as it is, it would be known for the take
    soundfile.write(upload, samples, rate, subtype="PCM_24")
    source, heard = client.predict(audio=handle_file(str(upload)), api_name="/listen")
    assert source.startswith("u") and heard["duration"] == pytest.approx(10)
    played = httpx.get(f"{server}/files/{source}/wav", timeout=30)
    assert played.status_code == 200 and played.content[:4] == b"RIFF"
    edited, told = client.predict(
        audio=handle_file(str(upload)), style="house", regions="3-7", seed=1, api_name="/edit"
    )
    new, _ = soundfile.read(edited, dtype="int32")
    changed = np.flatnonzero((samples != new).any(axis=1)) / rate
    assert changed[0] >= 3 and changed[-1] < 7 and told["parent"] == source
    assert told["title"] == "my song (edited)" and told["proof"]["changed_outside"] == 0


def test_a_take_comes_as_stems_and_as_a_game_pack_and_a_strangers_song_says_what_it_needs(
    server: str, client: Client, song: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    path, told = client.predict(source=song[1]["id"], api_name="/separate")
    assert set(told["files"]) == {name for name in zipfile.ZipFile(path).namelist() if name.endswith(".wav")}
    assert told["null"]["stems_db"] <= -90 and told["by"].startswith("Made by composer") and told["done"] == []
    recipe = httpx.get(f"{server}/files/{song[1]['id']}/recipe")
    assert recipe.headers["cache-control"] == "private, no-cache", "a vocal may time its words"
    assert httpx.get(f"{server}/files/{song[1]['id']}/stems/progress").json() == {"fraction": 0.0, "stage": ""}
    path, cues = client.predict(song[1]["id"], bar=1, bars=1, api_name="/gamepack")
    assert cues["bars"] == 1 and cues["layers"][0]["file"] in zipfile.ZipFile(path).namelist()
    same = client.predict(song[1]["id"], song[1]["id"], api_name="/compare")
    assert same["sound"]["identical"] and same["recipes"] == {}
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(5).normal(0, 0.1, (48_000, 2)), 48_000)
    with pytest.raises(Exception, match="needs a model of Demucs, and none is here"):
        client.predict(audio=handle_file(str(tmp_path / "noise.wav")), api_name="/separate")


@pytest.mark.parametrize(
    ("door", "said", "sentence"),
    [
        ("/edit", {"regions": "7-3"}, 'regions: "7-3" ends before it begins'),
        ("/edit", {"regions": "7-30"}, "regions: 7-30 reaches beyond the song"),
        ("/edit", {"regions": "2-5", "prompt": "no tuba"}, "nobody plays tuba"),
        ("/cover", {}, "style: is missing; name a style"),
        ("/cover", {"style": "house", "duration": 3}, "duration: the composer makes at least 5 seconds; ask for more"),
        ("/cover", {"style": "house", "strength": 2}, "strength: must be a number from 0 to 1"),
        ("/extend", {"seconds": 1}, "seconds: must be a number from 2 to 300"),
        ("/extend", {"side": "up"}, "side: must be one of"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    client: Client, song: tuple[str, dict[str, Any]], door: str, said: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Exception, match=sentence.replace("(", r"\(")):
        client.predict(source=song[1]["id"], api_name=door, **said)


def test_a_song_that_is_not_there_and_a_file_that_is_no_song(client: Client, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="source: There is no take nothing"):
        client.predict(source="nothing", api_name="/edit")
    with pytest.raises(Exception, match="source: is missing"):
        client.predict(api_name="/edit")
    (tmp_path / "no.wav").write_text("no sound at all" * 100)
    with pytest.raises(Exception, match="source: "):
        client.predict(audio=handle_file(str(tmp_path / "no.wav")), api_name="/listen")


@pytest.mark.parametrize(("door", "beside"), [("listen", [""]), ("add_lora", [None, ""])])
def test_a_path_is_no_key_to_the_disk_of_the_studio(server: str, tmp_path: Path, door: str, beside: list[Any]) -> None:
    secret = tmp_path / "secret.wav"
    soundfile.write(secret, np.random.default_rng(0).uniform(-0.1, 0.1, 96_000), 48_000)
    said = {"data": [{"path": str(secret)}, *beside]}
    event = httpx.post(f"{server}/gradio_api/call/{door}", json=said, timeout=30)
    told = httpx.get(f"{server}/gradio_api/call/{door}/{event.json()['event_id']}", timeout=60).text
    assert "event: error" in told and "must be an uploaded file" in told


def test_a_lora_is_let_in_once_and_a_file_that_is_none_with_its_reason(client: Client, tmp_path: Path) -> None:
    made = tiny_loras.folder(tmp_path / "erhu", alpha=8)
    weights, config = (handle_file(str(made / name)) for name in ("adapter_model.safetensors", "adapter_config.json"))
    kept = client.predict(file=weights, config=config, name="erhu", api_name="/add_lora")
    assert (kept["name"], kept["tensors"], kept["problem"]) == ("erhu", 32, None) and "alpha" not in kept["words"]
    assert client.predict(file=weights, name="again", api_name="/add_lora") == kept
    assert client.predict(api_name="/loras") == [kept]
    (tmp_path / "page.safetensors").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    with pytest.raises(Exception, match="page is a web page, not the file itself"):
        client.predict(file=handle_file(str(tmp_path / "page.safetensors")), api_name="/add_lora")
