"""What a `database_url` can be: said before anything is opened, not by a traceback of the driver's."""

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

#: The one driver that serves the writer's thread and the async readers under the same address.
_POSTGRES = "postgresql+psycopg"


def what_is_wrong(url: str) -> str | None:
    """Why the database at `url` cannot be used here, without the address (it may hold a password)."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "is no database address; such as sqlite:///data/manjha.db"
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return None if parsed.drivername in {"sqlite", "sqlite+pysqlite"} else "must begin with sqlite:///"
    if backend != "postgresql":
        return f"must be SQLite or PostgreSQL, not {backend}"
    if parsed.drivername != _POSTGRES:
        return f"must begin with {_POSTGRES}://"
    try:
        parsed.get_dialect().import_dbapi()
    except ImportError:
        return 'needs psycopg, which is not installed: .venv/bin/pip install "psycopg[binary]"'
    return None
