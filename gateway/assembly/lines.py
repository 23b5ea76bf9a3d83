"""The lines to the venues: client, session, instruments, prices, stream and keeper of each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway.assembly.ground import Ground
from gateway.domain.order import BrokerOrder, Venue
from gateway.execution import Placer
from gateway.keeper import VenueKeeper
from gateway.kite.client import KiteClient
from gateway.kite.desk import Desk
from gateway.kite.stream import Stream
from gateway.login_reminder import LoginReminder
from gateway.paper.server import PaperServer
from gateway.venue_line import connect, plain_url
from gateway.venues import VenueAccess

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Who hears the streams: an order's update, and that something was missed in between."""

    on_order: Callable[[str, BrokerOrder], Awaitable[None]]
    on_gap: Callable[[str], None]


class Lines:
    """Every configured venue, connected; `placers` hold the only way to place an order there."""

    def __init__(self, ground: Ground, paper: PaperServer | None, listeners: Listeners) -> None:
        self._ground = ground
        self._listeners = listeners
        self.streams: dict[str, Stream] = {}
        self.placers: dict[str, Placer] = {}
        self.access: dict[str, VenueAccess] = {}
        self._clients: list[KiteClient] = []
        for venue in sorted(ground.settings.venues()):
            self._connect(Venue(venue), paper if Venue(venue) is Venue.PAPER else None)
        self.reminder = self._reminder()

    def _connect(self, venue: Venue, paper: PaperServer | None) -> None:
        line = connect(
            venue,
            self._ground.settings,
            paper,
            self._ground,
            lambda: self.streams.get(venue),
        )
        self._clients.append(line.client)
        self.access[str(venue)] = line.access
        self.placers[venue] = Placer(desk=Desk(line.client), session=line.access.session)
        if line.has_data:
            self._stream(line.access, line.client, line.ticker_url)
        else:
            log.warning("no_market_data", venue=venue, detail=line.access.prices.lacking)
        self._keeper(line.access, paper)

    def _reminder(self) -> LoginReminder:
        ground = self._ground
        reminder = LoginReminder(
            {venue: access.session for venue, access in self.access.items()},
            ground.database,
            ground.outbox,
            ground.calendar,
            ground.clock,
            wanted=ground.settings.schedule.login_reminder,
            public_url=plain_url(ground.settings.server.public_url),
            ring=ground.wakeups.outbox.ring,
        )
        ground.parts.append(("login reminder", reminder.run))
        return reminder

    def _stream(self, access: VenueAccess, client: KiteClient, ticker_url: str | None) -> None:
        venue = str(access.venue)
        stream = Stream(
            ticker_url,
            client.credentials,
            on_order=lambda order: self._listeners.on_order(venue, order),
            on_prices=access.prices.note,
            on_gap=lambda: self._listeners.on_gap(venue),
        )
        self.streams[venue] = stream
        self._ground.parts.append((f"stream ({venue})", stream.run))

    def _keeper(self, access: VenueAccess, paper: PaperServer | None) -> None:
        keeper = VenueKeeper(
            access,
            self._ground.clock,
            instruments_at=self._ground.settings.schedule.instruments,
            request_token=paper.issue_request_token if paper else None,
            tell=self._ground.tell,
        )
        access.session.on_login.append(keeper.retry_now)
        self._ground.parts.append((f"keeper ({access.venue})", keeper.run))

    async def restore(self) -> None:
        """Each venue's session and instruments as they were before the last stop."""
        for access in self.access.values():
            await access.session.restore()
            await access.instruments.restore()

    def connected(self, venue: str) -> bool:
        """Whether the venue's stream tells of orders at present."""
        return venue in self.streams and self.streams[venue].connected

    async def close(self) -> None:
        """The calls in flight are heard out for half a second."""
        for client in self._clients:
            await client.close(grace=0.5)
