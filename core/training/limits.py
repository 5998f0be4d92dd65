"""What a server lets its visitors train: the owner's settings, read from one TOML file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from platformdirs import user_config_path

from core.config import ConfigError, Settings, knob


class Limits(Settings):
    """Bounds for everybody but the owner of the machine, and how much of it is used."""

    workers: int = knob(1, ge=1, le=64, label="Workers", help="Trainings at the same time.")
    threads: int = knob(
        0, ge=0, le=256, label="Threads", help="Threads of each worker; 0 leaves one core free."
    )
    samples: int = knob(
        3_000_000,
        ge=1,
        le=10**12,
        label="Samples",
        help="Samples that a visitor's training may see.",
    )
    seconds: float = knob(
        900.0, gt=0, le=10**7, label="Seconds", help="Expected seconds of a visitor's training."
    )
    parameters: int = knob(
        10_000_000,
        ge=1,
        le=10**12,
        label="Parameters",
        help="Parameters of a network that a visitor trains.",
    )
    memory: int = knob(
        2048,
        ge=256,
        le=10**7,
        label="Memory",
        help="MiB that a visitor's training may take beside what its process has anyway.",
    )
    waiting: int = knob(
        3, ge=1, le=1000, label="Waiting", help="Trainings that one visitor may have in the queue."
    )
    queue: int = knob(
        60, ge=1, le=10_000, label="Queue", help="Trainings that may be in the queue in all."
    )
    runs: int = knob(
        200,
        ge=1,
        le=10**6,
        label="Runs",
        help="Visitors' trained runs that stay; beyond that who made most loses the oldest.",
    )
    keeps: int = knob(
        5, ge=0, le=10**6, label="Keeps", help="Runs that one visitor may keep beside these."
    )
    owner: Literal["this-machine", "nobody"] = knob(
        "this-machine",
        label="Owner",
        help="Whose trainings are not bounded: visits from this machine itself, or nobody's, as "
        "behind a proxy that does not say that it is one.",
    )
    hosts: tuple[str, ...] = knob(
        (),
        label="Hosts",
        help="Names by which this server is visited besides the machine's own ones, such as that "
        "of a proxy; *.school.example is all names that end so.",
    )

    @property
    def threads_each(self) -> int:
        """Threads of one worker."""
        return self.threads or max(1, ((os.cpu_count() or 1) - 1) // self.workers)


def path() -> Path:
    """The file in LATENT_EXPLORER_CONFIG, else config.toml in the user's configuration folder."""
    named = os.environ.get("LATENT_EXPLORER_CONFIG")
    if named:
        return Path(named).expanduser()
    return user_config_path("latent-explorer") / "config.toml"


def read() -> Limits:
    """The owner's limits; the defaults where there is no file.

    Raises:
        ConfigError: where the file can't be read or a setting is unknown or out of range.
    """
    try:
        text = path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return Limits()
    except OSError as error:
        raise ConfigError(
            "{path} can't be read ({reason}).", path=path(), reason=error.strerror
        ) from None
    try:
        return Limits.checked(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("{path}: {reason}", path=path(), reason=str(error)) from None
    except ConfigError as error:
        raise ConfigError("{path}: {cause}.", path=path(), cause=error) from None
