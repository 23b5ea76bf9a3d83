"""Settings from systemd's credentials: files named `manjha.` + the path, such as manjha.kite.api_key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.environment import merged, nested, value_of
from config.faults import ConfigurationError, Fault

DIRECTORY = "CREDENTIALS_DIRECTORY"
PREFIX = "manjha."
#: Not the group: where systemd gives the service's user a read ACL, its mask shows as the group's mode.
_OTHERS = 0o007


def from_credentials(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings in the folder that systemd names (LoadCredential=), as a tree shaped like the file's.

    One line end is cut off. A name of ours that fits no setting stays, to be refused. Raises
    ConfigurationError for a file that cannot be read, or that everybody can.
    """
    tree: dict[str, Any] = {}
    if not (folder := environ.get(DIRECTORY)):
        return tree
    try:
        files = sorted(path for path in Path(folder).iterdir() if path.name.startswith(PREFIX))
        for path in files:
            tree = merged(tree, nested(path.name.removeprefix(PREFIX).split("."), value_of(_text(path))))
    except OSError as error:
        raise _wrong(f"{error.filename or folder} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _wrong(f"a credential in {folder} is not UTF-8 text") from error
    return tree


def _text(path: Path) -> str:
    if path.stat().st_mode & _OTHERS:
        raise _wrong(f"{path}: every user can read this credential; run: chmod 600 {path}")
    return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")


def _wrong(sentence: str) -> ConfigurationError:
    return ConfigurationError([Fault(key="", sentence=sentence)])
