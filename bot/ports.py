"""What the bot needs of the gateway: use cases to call, and places to read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.confirmations import Confirmations
from bot.day_picture import DayPictures
from bot.second_factor import SecondFactor
from config.settings import Settings
from gateway.adoption import Adoption
from gateway.approval import Approvals
from gateway.kept_exits import KeptExits
from gateway.kill_switch import KillSwitch
from gateway.limits import Limits
from gateway.profit import Profits
from gateway.questions import Questions
from gateway.square_off import SquareOff
from gateway.unknown import UnknownOrders
from gateway.venues import VenueAccess
from storage.engine import Database


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Handed to every handler; `started_at` is when the gateway began to serve."""

    settings: Settings
    database: Database
    approvals: Approvals
    questions: Questions
    kill_switch: KillSwitch
    unknown: UnknownOrders
    square_off: SquareOff
    profits: Profits
    pictures: DayPictures
    limits: Limits
    adoption: Adoption
    kept_exits: KeptExits
    confirmations: Confirmations
    #: Asked for before /resume and large orders, where the owner has set a word.
    factor: SecondFactor = field(default_factory=SecondFactor)
    #: Takes an order in words and who says it; the alert's id. Raises InvalidAlert, StorageFailed.
    submit_words: Callable[[str, str], Awaitable[str]]
    #: Closes the holdings with these numbers, for whom; returns when that is on disk.
    close: Callable[[frozenset[int], str], Awaitable[None]]
    venues: Mapping[str, VenueAccess]
    clock: Callable[[], datetime]
    started_at: datetime
    version: str
