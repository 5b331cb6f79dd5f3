"""What this machine has and lacks, in plain lines. Fast: nothing heavy is imported to find out that it is there. Only
whether Triton compiles is tried, which takes seconds, and only where a GPU needs it."""

import contextlib
import ctypes
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from settings import ROOT, VERSION, Settings, complaint, settings

TRIAL = 180.0  # seconds that a small function may take to compile
COMPILING = (
    "it needs a C compiler, Python's headers (python3-dev), and a ptxas that knows the GPU: TRITON_PTXAS_PATH and "
    "TRITON_PTXAS_BLACKWELL_PATH name one, such as /usr/local/cuda/bin/ptxas"
)
PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest the studio is tested on


@dataclass(frozen=True)
class Finding:
    """One line. `ok` is False where something lacks, `fatal` where the studio cannot run without it."""

    name: str
    said: str
    ok: bool = True
    fatal: bool = False


def examine() -> list[Finding]:
    """Everything, in the order in which one reads it."""
    try:
        config = settings()
    except ValidationError as error:
        return [_python(), _lack("settings", complaint(error), fatal=True)]
    torch, cuda = _torch(), _cuda()
    machine = [_studio(), _python(), _machine(), _memory(), torch, cuda, _triton(torch.ok and cuda.ok)]
    checks = [*machine, _soundfont(config), _voice(config)]
    return [*checks, _lame(config), _models(config), _home(config), _disk(config), _port(config), *_engines()]


def _lack(name: str, said: str, fatal: bool = False) -> Finding:
    return Finding(name, said, ok=False, fatal=fatal)


def _studio() -> Finding:
    return Finding("studio", VERSION)


def _python() -> Finding:
    said = f"{platform.python_version()} at {sys.executable}"
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Finding("python", said)
    return _lack("python", f"{said}; the studio is tested on 3.11 to 3.13")


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("machine", f"{platform.system()} {platform.machine()}, {cores} cores")


def _memory() -> Finding:
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        free, whole = sizes["MemAvailable"], sizes["MemTotal"]
        said = f"{free / 1e9:.1f} GB free of {whole / 1e9:.1f} GB"
        return Finding("memory", said) if free > 1e9 else _lack("memory", f"{said}; long songs may need 1 GB")
    return Finding("memory", "unknown on this system")


def _torch() -> Finding:
    try:
        return Finding("torch", version("torch"))
    except PackageNotFoundError:
        return _lack("torch", "not installed; only engines with downloaded models need it")


def _cuda() -> Finding:
    """Ask the driver itself, which is there or not whatever torch was built for."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return _lack("cuda", "no NVIDIA driver; the studio works on the processor")
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return _lack("cuda", "a driver, but no device it can use")
    names = []
    for device in range(count.value):
        name = ctypes.create_string_buffer(100)
        driver.cuDeviceGetName(name, 100, device)
        names.append(name.value.decode(errors="replace"))
    return Finding("cuda", ", ".join(names))


def _triton(needed: bool, device: str = "cuda") -> Finding:
    """Compile something small, in a process of its own: that of the doctor shall not load PyTorch, nor die with it."""
    if not needed:
        return Finding("triton", "not needed: functions are compiled for NVIDIA GPUs only, and by PyTorch")
    from engines.acestep.snake import COMPILES

    command = [sys.executable, "-m", "engines.acestep.snake", device]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TRIAL, check=True)
        fault = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
    except subprocess.TimeoutExpired:
        fault = f"it took more than {TRIAL:.0f} s to compile a small function"
    except subprocess.CalledProcessError as error:
        fault = (error.stderr.strip().splitlines() or [f"it ended with {error.returncode}"])[-1][:200]
    if fault == COMPILES:
        return Finding("triton", "compiles for the GPU")
    return _lack("triton", f"cannot compile ({fault}), so ACE-Step's sound is decoded more slowly; {COMPILING}")


def _soundfont(config: Settings) -> Finding:
    from composer import synth

    found = synth.find(config.soundfont)
    if found is not None:
        return Finding("soundfont", str(found))
    how = "make soundfont, or apt install fluidr3mono-gm-soundfont, or set STUDIO_SOUNDFONT to an .sf2 or .sf3 file"
    return _lack("soundfont", f"none found, the studio's own instruments play; to get one: {how}")


def _voice(config: Settings) -> Finding:
    from composer import voice

    found = voice.find(config.flite)
    if found is None:
        return _lack("voice", f"no Flite found, the studio's own formant singer sings; to get it: {voice.HOW}")
    try:
        return Finding("voice", f"{voice.Flite(found).name} at {found}")
    except voice.FliteError as error:
        return _lack("voice", f"{error}; to get another: {voice.HOW}")


def _lame(config: Settings) -> Finding:
    from masters import lame

    found = lame.find(config.lame)
    if found is None:
        return _lack(
            "mp3", f"no LAME found, soundfile's own makes the same file in three times the time; to get it: {lame.HOW}"
        )
    try:
        lame.library(found)
    except lame.LameError as error:
        return _lack("mp3", f"{error}; soundfile's own LAME is used, which is slower; to get another: {lame.HOW}")
    return Finding("mp3", f"LAME at {found}")


def _models(config: Settings) -> Finding:
    import checkpoints

    if config.checkpoints is not None and not config.checkpoints.expanduser().is_dir():
        return _lack(
            "models", f"STUDIO_CHECKPOINTS names {config.checkpoints}, which is no folder; correct or unset it"
        )
    found = checkpoints.there()
    broken = next((one.problem for one in found if one.problem), None)
    if broken is not None:
        return _lack("models", broken)
    if not found:
        return _lack("models", "none here, and the embedded composer needs none; to see what there is: studio models")
    return Finding("models", ", ".join(one.name for one in found))


def _home(config: Settings) -> Finding:
    place = next(folder for folder in (config.home, *config.home.absolute().parents) if folder.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Finding("library", str(config.home))
    return _lack("library", f"{config.home} cannot be written; set STUDIO_HOME to another folder", fatal=True)


def _disk(config: Settings) -> Finding:
    place = next(folder for folder in (config.home, *config.home.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    said = f"{free / 1e9:.1f} GB free"
    if free > config.min_free_disk:
        return Finding("disk", said)
    return _lack("disk", f"{said}; the studio keeps {config.min_free_disk / 1e9:.1f} GB free, so make room", fatal=True)


def _port(config: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    where = f"{config.host}:{config.port}"
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            return _lack("port", f"{where} is taken ({error.strerror}); a studio may be running, or set STUDIO_PORT")
    return Finding("port", f"{where} is free")


def _engines() -> Iterator[Finding]:
    import separation
    from engines import ENGINES

    for engine in (kind() for kind in ENGINES):
        lack, label = engine.available(), f"engine {engine.name}"
        yield Finding(label, f"ready, version {engine.version}") if lack is None else _lack(label, lack)
    lack = separation.lack()
    yield Finding("stems", "of any song, by Demucs") if lack is None else _lack("stems", lack)
