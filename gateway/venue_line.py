"""The line to one venue: its client, and all that reads through it. The assembly hands out the desk."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config.logs import add_secret
from config.market import underlyings
from config.settings import Settings
from gateway.domain.market import Calendar
from gateway.domain.order import Venue
from gateway.instruments import Instruments
from gateway.kite.book import Book
from gateway.kite.client import KiteClient
from gateway.paper.server import PaperServer
from gateway.prices import Feed, Prices
from gateway.session import Session
from gateway.venues import VenueAccess
from storage.engine import Database
from storage.notices import Outbox

#: The embedded exchange listens on loopback and holds no money: its key, and its secret.
PAPER_CREDENTIAL = "paper"


@dataclass(frozen=True)
class Foundation:
    """What every venue stands on."""

    database: Database
    outbox: Outbox
    calendar: Calendar
    clock: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class VenueLine:
    """A venue's client and what reads through it; `has_data`: whether it gives prices and a stream."""

    client: KiteClient
    access: VenueAccess
    has_data: bool
    ticker_url: str | None


def connect(
    venue: Venue,
    settings: Settings,
    paper: PaperServer | None,
    on: Foundation,
    feed: Callable[[], Feed | None],
) -> VenueLine:
    """Builds the line; nothing is called yet. `paper`: the embedded exchange, for its venue alone."""
    kite = settings.kite
    client = KiteClient(
        api_key=PAPER_CREDENTIAL if paper else kite.api_key,
        api_secret=PAPER_CREDENTIAL if paper else kite.api_secret,
        api_url=paper.url if paper else plain_url(kite.api_url),
        login_url=paper.login_url if paper else plain_url(kite.login_url),
    )
    book = Book(client)
    session = Session(
        venue,
        client,
        on.database,
        on.outbox,
        on.clock,
        user_id="" if paper else kite.user_id,
        key_material=PAPER_CREDENTIAL if paper else kite.api_secret.get_secret_value(),
        add_secret=add_secret,
        needs=frozenset(
            listed.exchange for name, listed in underlyings().items() if name in settings.risk.allowed_symbols
        ),
    )
    has_data = paper is not None or kite.market_data
    access = VenueAccess(
        venue=venue,
        book=book,
        session=session,
        instruments=Instruments(
            venue,
            book,
            on.database,
            on.calendar,
            underlyings(),
            required=frozenset(settings.risk.allowed_symbols),
        ),
        prices=Prices(book, market_data=has_data, feed=feed),
    )
    ticker_url = paper.ticker_url if paper else plain_url(kite.ticker_url)
    return VenueLine(client=client, access=access, has_data=has_data, ticker_url=ticker_url)


def plain_url(url: object | None) -> str | None:
    """A configured address without its last slash."""
    return None if url is None else str(url).rstrip("/")
