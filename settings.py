"""Every environment variable of the studio, in one class. The prefix is STUDIO_: STUDIO_PORT=7861."""

import ctypes.util
import ipaddress
import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent
VERSION = "0.2.0"
ON_SPACE = "SPACE_ID" in os.environ  # Hugging Face sets it; a Space is public by design and has one process
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NAME = re.compile(r"\.?[\w-]+(\.[\w-]+)*")  # of a host, or of a domain and all below it
List = Annotated[tuple[str, ...], NoDecode]  # written with commas between


class Settings(BaseSettings):
    """How this studio runs. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("studio", appauthor=False))
    host: str = "0.0.0.0" if ON_SPACE else "127.0.0.1"
    port: int = Field(7860, ge=0, le=65535)
    token: str = ""
    hosts: List = ()
    trusted_proxy: List = ()
    engine: str = "auto"
    soundfont: Path | None = None
    flite: Path | None = None
    lame: Path | None = None
    checkpoints: Path | None = None
    lane: Literal["process", "inline"] = "inline" if ON_SPACE else "process"
    max_upload: int = Field(200 * 2**20, gt=0)
    max_duration: float = Field(600, ge=5)
    max_queue: int = Field(256, ge=1)
    max_queue_client: int = Field(64, ge=1)
    patience: float = Field(1.0, gt=0)  # times what limits.py gives a song
    min_free_disk: int = Field(500 * 2**20, ge=0)
    max_cache: int = Field(5 * 2**30, ge=0)

    @field_validator("token")
    @classmethod
    def _plain(cls, value: str) -> str:
        """What is typed or sent is compared without blanks around it, as one byte a letter."""
        if not value.strip().isascii():
            raise ValueError("it may hold letters of ASCII only, so that every script can send it")
        return value.strip()

    @field_validator("hosts", "trusted_proxy", mode="before")
    @classmethod
    def _listed(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @field_validator("hosts")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not NAME.fullmatch(name) and not _is_ipv6(name):
                raise ValueError(
                    f"{name} is no name; write studio.example.com, or .example.com for all below, without port and *"
                )
        return value

    @field_validator("trusted_proxy")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"{network} is no address and no network; write 127.0.0.1 or 172.16.0.0/12, with commas between"
                ) from None
        return value

    @property
    def database(self) -> Path:
        return self.home / "studio.db"

    @property
    def takes(self) -> Path:
        return self.home / "takes"

    @property
    def sources(self) -> Path:
        return self.home / "sources"

    @property
    def temp(self) -> Path:
        return self.home / "temp"

    @property
    def fetched(self) -> Path:
        """Where models are downloaded to."""
        return self.home / "checkpoints"

    @property
    def loras(self) -> Path:
        """Where LoRAs are kept."""
        return self.home / "loras"

    @property
    def page_cache(self) -> Path:
        """Where the page keeps uploads and what it hands to browsers."""
        return self.home / "page"

    @property
    def sessions(self) -> Path:
        """Which browsers have signed in."""
        return self.home / "sessions.json"

    @property
    def open_to_network(self) -> bool:
        """True where somebody else's machine can reach the page, be it through a proxy."""
        return self.host not in LOOPBACK or bool(self.hosts or self.trusted_proxy)


def _is_ipv6(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.strip("[]")).version == 6
    except ValueError:
        return False


def complaint(error: ValidationError) -> str:
    """What is wrong with the environment, in one sentence."""
    first = error.errors()[0]
    name = "_".join(str(part) for part in first["loc"]).upper()
    return f"STUDIO_{name} cannot be used: {first['msg'].removeprefix('Value error, ').lower()}. Correct or unset it."


@cache
def settings() -> Settings:
    """The settings of this process. Raises pydantic's ValidationError for a bad environment."""
    return Settings()


def find_library(library: str, setting: Path | None, fetched: Path) -> Path | None:
    """A C library by its file name ("libflite.so.1"): where the setting points, a file or its folder, else below the
    folder that packages are fetched to, else the system's, as a bare name. None where there is none."""
    if setting is not None:
        place = setting / library if setting.is_dir() else setting
        return place if place.exists() else None
    unpacked = sorted(fetched.glob(f"usr/lib/**/{library}"))
    known = unpacked[0] if unpacked else ctypes.util.find_library(library.removeprefix("lib").partition(".so")[0])
    return Path(known) if known else None
