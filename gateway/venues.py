"""What a use case may read at a venue. The desk, which places, is not among it: execution alone has that."""

from dataclasses import dataclass

from gateway.domain.order import Venue
from gateway.instruments import Instruments
from gateway.kite.book import Book
from gateway.prices import Prices
from gateway.session import Session


@dataclass(frozen=True, kw_only=True)
class VenueAccess:
    """One venue: its books, its session, its listed contracts, its prices."""

    venue: Venue
    book: Book
    session: Session
    instruments: Instruments
    prices: Prices
