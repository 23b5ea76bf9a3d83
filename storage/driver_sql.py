"""Driver SQL: the few statements that every acknowledgement waits for, run past SQLAlchemy's own machinery.

A statement through it costs more than SQLite takes to run it, and each row of an `executemany` gives the
interpreter's lock away, which a busy event loop gives back late. The SQL is every database's; values are
those of the columns as they are stored (storage/types.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

#: At most so many rows or values in one statement. The driver keeps one of each size prepared: 2 MB in all,
#: and four times as much for twice as many.
_MOST = 32


def execute(connection: Connection, statement: str, values: Sequence[Any]) -> Any:
    """The driver's cursor after the statement, in which every value's place is a `?`.

    Raises what SQLAlchemy would raise: DBAPIError.
    """
    dialect = connection.dialect
    if dialect.paramstyle != "qmark":
        statement = statement.replace("?", "%s")
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, values)
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, dialect=dialect
        ) from error
    return cursor


class Insert:
    """Rows into one table, many in a statement; `unique`: a column whose value another row may have, and then
    the row is passed over."""

    def __init__(self, table: Table, *columns: str, unique: str | None = None) -> None:
        names = ", ".join(table.c[name].name for name in columns)
        self._head = f"INSERT INTO {table.name} ({names})"
        self._row = f"({_marks(len(columns))})"
        self._tail = f" ON CONFLICT ({table.c[unique].name}) DO NOTHING" if unique else ""
        #: By the number of their rows, from 1.
        self._texts: list[str] = []

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Inserts them in their order; how many were. Raises DBAPIError."""
        inserted = 0
        for some in _handfuls(rows):
            statement = f"{self._head} {self._values(len(some))}{self._tail}"
            inserted += execute(connection, statement, _flat(some)).rowcount
        return inserted

    def run_if(
        self, connection: Connection, rows: Sequence[Sequence[Any]], condition: str, value: object
    ) -> bool:
        """Inserts them in their order if the condition, in which `value` is the `?`, holds; else none.

        One statement where it would take two to look first. Raises DBAPIError.
        """
        first, *others = _handfuls(rows)
        source = f"SELECT * FROM ({self._values(len(first))}) AS new_rows"  # noqa: S608  the schema's own names
        cursor = execute(connection, f"{self._head} {source} WHERE {condition}", [*_flat(first), value])
        if cursor.rowcount == 0:
            return False
        for some in others:
            self.run(connection, some)
        return True

    def _values(self, count: int) -> str:
        while len(self._texts) < count:
            self._texts.append("VALUES " + ", ".join([self._row] * (len(self._texts) + 1)))
        return self._texts[count - 1]


class Lookup:
    """Rows by the values of one column: `head` ends before the column's name."""

    def __init__(self, head: str, column: str) -> None:
        self._head = f"{head} {column} IN "

    def run(self, connection: Connection, keys: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """What is found for any of the keys. Raises DBAPIError."""
        for some in _handfuls(list(keys)):
            yield from execute(connection, f"{self._head}({_marks(len(some))})", some).fetchall()


def _handfuls(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[first : first + _MOST] for first in range(0, len(items), _MOST))


def _flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    return list(chain.from_iterable(rows))


@lru_cache(maxsize=_MOST)
def _marks(count: int) -> str:
    return ", ".join("?" * count)
