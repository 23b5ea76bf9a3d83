"""Which messages the owner wants, and how: each event on (with sound), silent, or off."""

from collections.abc import Mapping
from enum import StrEnum, unique


@unique
class NoticeLevel(StrEnum):
    """How an event is told."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


@unique
class NoticeEvent(StrEnum):
    """What is told. Without a word about it: fills and failures with sound, the rest silent."""

    #: An alert that cannot be understood; one that came twice; one that our own rules refuse.
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    #: The card that asks, and that nobody answered it.
    QUESTION = "question"
    EXPIRED = "expired"
    #: An order: filled; not taken by Kite or not sent; taken and rejected later; cancelled; priced anew.
    FILL = "fill"
    ORDER_REFUSED = "order_refused"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SENT_ANEW = "sent_anew"
    #: A guard: placed, changed, taken away; and gone off.
    GUARD = "guard"
    TRIGGERED = "triggered"
    #: A strategy that is silent, fires too often, disagrees with TradingView, or has delayed data.
    WATCH = "watch"
    #: What must be heard of: no clear answer, an exit that does not come off, a bare holding, the switch.
    UNKNOWN = "unknown"
    EXIT_REFUSED = "exit_refused"
    UNGUARDED = "unguarded"
    KILL_SWITCH = "kill_switch"
    #: The day's own messages: the morning's, the summary, the heartbeat.
    DAY = "day"


#: With these untold, money could be lost that a word would have saved.
NEVER_OFF = frozenset(
    {
        NoticeEvent.QUESTION,
        NoticeEvent.UNKNOWN,
        NoticeEvent.EXIT_REFUSED,
        NoticeEvent.UNGUARDED,
        NoticeEvent.KILL_SWITCH,
    }
)

Wishes = Mapping[NoticeEvent, NoticeLevel]
