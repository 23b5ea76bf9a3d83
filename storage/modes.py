"""What the owner has set by command and a restart keeps: paused strategies, approval modes."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from storage import flags

#: Pauses everything; with a colon and a name behind it, one strategy.
_PAUSED = "paused"
_MODE = "mode"


def _flag(kind: str, strategy: str | None) -> str:
    return kind if strategy is None else f"{kind}:{strategy}"


def paused(set_flags: Mapping[str, str], strategy: str) -> str | None:
    """What these flags pause of this strategy's entries: "everything", its name, or nothing."""
    if _PAUSED in set_flags:
        return "everything"
    return strategy if _flag(_PAUSED, strategy) in set_flags else None


def is_paused(connection: Connection, strategy: str | None) -> bool:
    """Whether this strategy was paused by its name, or (None) everything was."""
    return flags.value(connection, _flag(_PAUSED, strategy)) is not None


def paused_names(connection: Connection) -> set[str]:
    """Every strategy that was paused by its name, heard of or not."""
    head = f"{_PAUSED}:"
    return {name.removeprefix(head) for name in flags.all_values(connection) if name.startswith(head)}


def pause(connection: Connection, strategy: str | None, *, by: str, at: datetime) -> None:
    """No new entries, of one strategy or (None) of all."""
    flags.put(connection, _flag(_PAUSED, strategy), "yes", by=by, at=at)


def unpause(connection: Connection, strategy: str | None, *, by: str, at: datetime) -> bool:
    """Entries again; False when it was not paused. What was paused by name stays so when all is unpaused."""
    return flags.clear(connection, _flag(_PAUSED, strategy), by=by, at=at)


def approval_mode(connection: Connection, strategy: str) -> str | None:
    """`auto` or `confirm` as the owner said for this strategy, else for all; None when he said nothing."""
    return flags.value(connection, _flag(_MODE, strategy)) or flags.value(connection, _MODE)


def approval_mode_of_all(connection: Connection) -> str | None:
    """`auto` or `confirm` as the owner said for all; None when he said nothing."""
    return flags.value(connection, _MODE)


def set_approval_mode(
    connection: Connection, strategy: str | None, mode: str, *, by: str, at: datetime
) -> None:
    """From now on, over the configuration."""
    flags.put(connection, _flag(_MODE, strategy), mode, by=by, at=at)
