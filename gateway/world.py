"""Reads the world that the rules look at, inside the transaction that acts on their verdict."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, Row

from config.market import charges
from gateway.breaker import ENTRIES_HALTED
from gateway.domain.market import IST, Calendar, ist
from gateway.domain.money import Paise
from gateway.domain.profit import losses_in_a_row, result_of
from gateway.domain.risk import NOTHING_READ, Readings, World
from gateway.profit import deals_of_day
from gateway.session import Session
from gateway.valuation import Valuation
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
        valuation: Valuation,
    ) -> None:
        """`square_off`: when the day's end closes what it closes, IST."""
        self._valuation = valuation
        self._square_off = square_off
        self._calendar = calendar
        self._sessions = sessions
        self._clock = clock

    def read(
        self, connection: Connection, venue: str, strategy: str = "", readings: Readings = NOTHING_READ
    ) -> World:
        """The world before an order of this strategy at this venue; `readings` were made before."""
        now = self._clock()
        local = ist(now)
        set_flags = flags.all_values(connection)
        held = holdings.open_(connection, venue=venue)
        deals = deals_of_day(connection, venue, local.date())
        open_now = self._valuation.value(held)
        hit = set_flags.get(loss_flag(venue, local.date()))
        return World(
            kill_switch=flags.KILL_SWITCH in set_flags,
            halted=set_flags.get(ENTRIES_HALTED),
            paused=modes.paused(set_flags, strategy),
            market_open=self._calendar.is_open(now),
            past_square_off=self._calendar.is_past_square_off(now, self._square_off),
            session_alive=self._sessions[venue].alive,
            calendar_known=self._calendar.knows(local.date()),
            positions=_positions(connection, venue, held),
            orders_today=intents.placed_since(connection, day_start(now)),
            realised_today=result_of(deals, charges()).net,
            open_gain=Paise(sum(each.gain or 0 for each in open_now)),
            unpriced=tuple(dict.fromkeys(each.tradingsymbol for each in open_now if each.price is None)),
            loss_limit_hit=Paise(int(hit)) if hit else None,
            losses_in_a_row=losses_in_a_row(deals, charges()),
            second_of_day=local.hour * 3600 + local.minute * 60 + local.second,
            readings=readings,
        )


def loss_flag(venue: str, day: date) -> str:
    """The flag that says that the day's loss has reached its limit at the venue; its value is the limit."""
    return f"daily_loss:{venue}:{day}"


def _positions(
    connection: Connection, venue: str, held: Sequence[Row[Any]]
) -> frozenset[tuple[str, str, str]]:
    open_now = {(row.venue, row.strategy, row.tradingsymbol) for row in held}
    coming = {key for key in intents.live_entry_contracts(connection) if key[0] == venue}
    return frozenset(open_now | coming)
