"""Reads the world that the rules look at, inside the transaction that acts on their verdict."""

from collections.abc import Callable, Mapping
from datetime import datetime, time

from sqlalchemy import Connection

from gateway.breaker import ENTRIES_HALTED
from gateway.domain.market import IST, Calendar, ist
from gateway.risk import World
from gateway.session import Session
from storage import flags, holdings, intents, modes


def day_start(now: datetime) -> datetime:
    """Midnight IST of the present trading date."""
    return datetime.combine(ist(now).date(), datetime.min.time(), IST)


class WorldReader:
    """Knows where each part of the world stands."""

    def __init__(
        self,
        calendar: Calendar,
        sessions: Mapping[str, Session],
        clock: Callable[[], datetime],
        square_off: time,
    ) -> None:
        """`square_off`: when the day's end closes what it closes, IST."""
        self._square_off = square_off
        self._calendar = calendar
        self._sessions = sessions
        self._clock = clock

    def read(self, connection: Connection, venue: str, strategy: str) -> World:
        """The world before an order of this strategy at this venue."""
        now = self._clock()
        set_flags = flags.all_values(connection)
        return World(
            kill_switch=flags.KILL_SWITCH in set_flags,
            halted=set_flags.get(ENTRIES_HALTED),
            paused=modes.paused(set_flags, strategy),
            market_open=self._calendar.is_open(now),
            past_square_off=self._calendar.is_past_square_off(now, self._square_off),
            session_alive=self._sessions[venue].alive,
            calendar_known=self._calendar.knows(ist(now).date()),
            positions=self._positions(connection, venue),
            orders_today=intents.placed_since(connection, day_start(now)),
            realised_today=holdings.realised_since(connection, day_start(now), venue),
        )

    def _positions(self, connection: Connection, venue: str) -> frozenset[tuple[str, str, str]]:
        held = {
            (row.venue, row.strategy, row.tradingsymbol) for row in holdings.open_(connection, venue=venue)
        }
        coming = {key for key in intents.live_entry_contracts(connection) if key[0] == venue}
        return frozenset(held | coming)
