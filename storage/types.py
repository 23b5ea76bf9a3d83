"""Column types: aware moments and exact decimals, on every database alike."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, String
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """An aware moment as it is stored: microseconds since 1970 UTC. Raises ValueError on a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone is no moment")
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(stored: int) -> datetime:
    """The aware moment, UTC, of stored microseconds."""
    return _EPOCH + timedelta(microseconds=stored)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as microseconds since 1970 UTC. Naive ones are refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """To an aware UTC datetime."""
        return None if value is None else moment_of(value)


class Exact(TypeDecorator[Decimal]):
    """A Decimal, kept as its text: SQLite's numbers are floats."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """From text."""
        return None if value is None else Decimal(value)
