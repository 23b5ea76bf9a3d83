"""The configuration's front door: the file, credentials and environment over it, checked as a whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.credentials import from_credentials
from config.environment import from_environment, merged
from config.faults import ConfigurationError, Fault, faults_of
from config.fields import Venue, is_loopback
from config.file import read_file
from config.model import Settings
from config.rules import faults_in, settings_warnings, why_nobody_is_let_in
from config.sections import Strategy, StrategySettings

__all__ = [
    "DEFAULT_PATH",
    "ConfigurationError",
    "Fault",
    "Settings",
    "Strategy",
    "StrategySettings",
    "Venue",
    "is_loopback",
    "load_settings",
    "practice_settings",
    "settings_warnings",
    "why_nobody_is_let_in",
]

DEFAULT_PATH = Path("config/config.json")
#: Without a configuration file the market never closes, so that a first look works on a Sunday too.
_PRACTICE: dict[str, Any] = {"market": {"hours": "always"}}


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of the file at `path`, systemd's credentials and then the environment over them.

    With no `path`: the file at DEFAULT_PATH, or practice when there is none. Raises ConfigurationError with
    every fault found.
    """
    if path is None and not DEFAULT_PATH.exists():
        return practice_settings(environ)
    source = path or DEFAULT_PATH
    return _checked(_over(read_file(source), environ), source)


def practice_settings(environ: Mapping[str, str]) -> Settings:
    """The settings when there is no file: paper, a market that never closes, no webhook secret."""
    return _checked(_over(_PRACTICE, environ), None)


def _over(tree: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    return merged(merged(tree, from_credentials(environ)), from_environment(environ))


def _checked(tree: dict[str, Any], path: Path | None) -> Settings:
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigurationError(faults_of(error)) from None
    faults = faults_in(settings, path)
    if faults:
        raise ConfigurationError(faults)
    return settings
