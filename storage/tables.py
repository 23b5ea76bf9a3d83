"""Every table. Moments are UTC, amounts are paise, quantities are units, prices are Decimal rupees."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from storage.types import Exact, Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

alerts = Table(
    "alerts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("received_at", Moment, nullable=False),
    Column("source", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("part", Integer, nullable=False, server_default="0"),
    #: What an alert without an id is known by when it is sent again; NULL for any other.
    Column("body_hash", String(64)),
    #: Unique among the alerts that count; NULL for one that repeats another.
    Column("dedupe_key", String(160), unique=True),
    Column("duplicate_of", String(32)),
    Column("strategy", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("field", String(64)),
    Column("reason", Text),
    Column("signal", Text),
    Index(None, "body_hash", "received_at"),
)

intents = Table(
    "intents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("alert_id", String(32), ForeignKey("alerts.id"), nullable=False, index=True),
    Column("part", Integer, nullable=False),
    Column("venue", String(8), nullable=False),
    Column("strategy", String(64), nullable=False),
    Column("purpose", String(8), nullable=False),
    Column("side", String(4), nullable=False),
    Column("exchange", String(8), nullable=False),
    Column("tradingsymbol", String(64), nullable=False),
    Column("instrument_token", Integer, nullable=False),
    Column("name", String(32), nullable=False),
    Column("expiry", Date, nullable=False),
    Column("strike", Exact, nullable=False),
    Column("option_type", String(2), nullable=False),
    Column("lot_size", Integer, nullable=False),
    Column("tick_size", Exact, nullable=False),
    Column("product", String(8), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("order_type", String(8), nullable=False),
    Column("price", Exact),
    #: Of stop-limit orders: the price that releases them.
    Column("trigger_price", Exact),
    Column("market_protection", Exact),
    #: The option's price when the intent was planned; None when no price could be had.
    Column("premium", Exact),
    #: Its price when the question was put once more (another size, a price that moved); None: never was.
    Column("asked_premium", Exact),
    #: What the broker says the order needs; None when it could not be asked.
    Column("margin_paise", BigInteger),
    Column("stop_loss", String(24)),
    Column("target", String(24)),
    #: How far below the highest price its stop follows: rupees, or with % a share of that price.
    Column("trailing_stop", String(24)),
    Column("tag", String(20), nullable=False, unique=True),
    #: The intent whose unfilled rest this one carries on; nobody's rest is carried on twice.
    Column("follows", String(40), ForeignKey("intents.id"), unique=True),
    #: The guard that this sell belongs to: its own order, or what it released.
    Column("guard_id", String(48), index=True),
    Column("state", String(20), nullable=False, index=True),
    #: Who refused: a rule of ours, the broker, or nobody because it was never sent.
    Column("refused_by", String(12)),
    Column("reason", Text),
    Column("planned_at", Moment, nullable=False, index=True),
    Column("placing_at", Moment),
    Column("settled_at", Moment),
    #: When the owner was asked what became of it (unknown only).
    Column("questioned_at", Moment),
    UniqueConstraint("alert_id", "part"),
)

approvals = Table(
    "approvals",
    metadata,
    #: Opaque and random: it travels in the buttons.
    Column("id", String(24), primary_key=True),
    Column("alert_id", String(32), ForeignKey("alerts.id"), nullable=False, unique=True),
    Column("asked_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("decision", String(12), nullable=False, index=True),
    Column("decided_by", String(64)),
    Column("decided_at", Moment),
    #: Counts what was asked: a press on a card that shows less than the latest decides nothing.
    Column("version", Integer, nullable=False, server_default="1"),
    #: Why it was asked once more: another size and by whom, or how far the price moved.
    Column("note", Text),
    #: What the market and the limits looked like when the card was drawn last, as JSON.
    Column("figures", Text),
)

orders = Table(
    "orders",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("venue", String(8), nullable=False),
    Column("order_id", String(40), nullable=False),
    Column("intent_id", String(40), ForeignKey("intents.id"), unique=True),
    Column("variety", String(12), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    #: The broker's own word and sentence.
    Column("status", String(40), nullable=False),
    Column("status_message", Text),
    Column("quantity", Integer, nullable=False),
    Column("filled_quantity", Integer, nullable=False),
    Column("average_price", Exact, nullable=False),
    #: When and why we asked for its cancellation: `timeout`, `chase`, `exit` or `kill switch`.
    Column("cancel_asked_at", Moment),
    Column("cancel_reason", String(16)),
    Column("placed_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index(None, "venue", "order_id"),
)

fills = Table(
    "fills",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("venue", String(8), nullable=False),
    Column("order_id", String(40), nullable=False),
    #: The order's filled quantity after this fill: a fill counted twice would repeat it.
    Column("up_to", Integer, nullable=False),
    Column("intent_id", String(40), ForeignKey("intents.id"), nullable=False),
    Column("strategy", String(64), nullable=False),
    Column("side", String(4), nullable=False),
    Column("tradingsymbol", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("value_paise", BigInteger, nullable=False),
    Column("realised_paise", BigInteger, nullable=False),
    Column("filled_at", Moment, nullable=False, index=True),
    UniqueConstraint("intent_id", "up_to"),
)

holdings = Table(
    "holdings",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("intent_id", String(40), ForeignKey("intents.id"), nullable=False, unique=True),
    Column("venue", String(8), nullable=False),
    Column("strategy", String(64), nullable=False),
    Column("exchange", String(8), nullable=False),
    Column("tradingsymbol", String(64), nullable=False),
    Column("product", String(8), nullable=False),
    Column("side", String(4), nullable=False, server_default="BUY"),
    #: By that side (SELL: a short): opened in all, still open, and what all of it cost, or brought.
    Column("bought", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("cost_paise", BigInteger, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    #: The highest price since the fill that a trailing stop follows, in rupees; NULL: the fill's own.
    Column("peak", Exact),
    Index(None, "venue", "strategy", "quantity"),
)

guards = Table(
    "guards",
    metadata,
    Column("id", String(48), primary_key=True),
    #: The holding it is around, by the entry that opened it.
    Column("holding", String(40), ForeignKey("intents.id"), nullable=False, index=True),
    Column("venue", String(8), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("quantity", Integer, nullable=False),
    #: The levels wanted (rupees, on the tick), and what is placed: triggers and the limits behind them.
    Column("stop", Exact),
    Column("target", Exact),
    Column("stop_trigger", Exact),
    Column("stop_limit", Exact),
    Column("target_trigger", Exact),
    Column("target_limit", Exact),
    #: Somebody has moved its triggers in the broker's app: they stay as they were put there.
    Column("by_hand", Boolean, nullable=False),
    Column("trigger_id", BigInteger),
    Column("modifications", Integer),
    #: Attempts for this holding in a row that came to nothing, and when this one is due.
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    #: Nothing more is tried for this holding.
    Column("final", Boolean, nullable=False),
    Column("reason", Text),
    Column("wanted_at", Moment, nullable=False),
    Column("placing_at", Moment),
    Column("settled_at", Moment),
    UniqueConstraint("venue", "trigger_id"),
)

differences = Table(
    "differences",
    metadata,
    #: Opaque and random: it travels in the buttons.
    Column("id", String(24), primary_key=True),
    Column("venue", String(8), nullable=False),
    Column("exchange", String(8), nullable=False),
    Column("tradingsymbol", String(64), nullable=False),
    Column("product", String(8), nullable=False),
    Column("kind", String(12), nullable=False),
    #: Units by our holdings and by the broker's positions; NULL: the broker lists no such position.
    Column("held", Integer, nullable=False),
    Column("net", Integer),
    #: Units that another hand traded today the way the difference goes, and their average price.
    Column("traded", Integer, nullable=False),
    Column("average_price", Exact),
    Column("last_price", Exact),
    Column("state", String(12), nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("decided_by", String(64)),
    Column("outcome", Text),
    Index(None, "venue", "state"),
)

closings = Table(
    "closings",
    metadata,
    #: Random, or `square_off:<day>`.
    Column("id", String(40), primary_key=True),
    #: What is to be closed: `flatten`, `square_off` or `by_hand`.
    Column("kind", String(12), nullable=False),
    Column("by", String(64), nullable=False),
    Column("began_at", Moment, nullable=False),
    #: By hand: the numbers of the holdings that are meant, as JSON.
    Column("chosen", Text),
    #: What the account has beside our holdings is closed, too.
    Column("whole_account", Boolean, nullable=False),
    Column("state", String(12), nullable=False, index=True),
    #: What else stands in the way of being flat, as the card says it.
    Column("footer", Text),
    Column("ended_at", Moment),
)

closing_lines = Table(
    "closing_lines",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("closing_id", String(40), ForeignKey("closings.id"), nullable=False),
    Column("venue", String(8), nullable=False),
    #: Empty: nobody's holding; the account has it by another hand (short is negative).
    Column("strategy", String(64), nullable=False),
    Column("tradingsymbol", String(64), nullable=False),
    Column("product", String(8), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("remaining", Integer, nullable=False),
    Column("note", Text),
    #: What the broker's positions said last of the contract beyond our other holdings, and when.
    Column("kite", Integer),
    Column("kite_at", Moment),
    UniqueConstraint("closing_id", "venue", "strategy", "tradingsymbol", "product"),
)

kept_exits = Table(
    "kept_exits",
    metadata,
    Column("alert_id", String(32), ForeignKey("alerts.id"), primary_key=True),
    Column("venue", String(8), nullable=False),
    Column("strategy", String(64), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("kept_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("ended_by", String(64)),
    #: The alerts under which it came in again.
    Column("sent_as", Text),
)

notices = Table(
    "notices",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("created_at", Moment, nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    #: What the message is about (`alert:<id>`): a card is drawn from the subject's rows when it is sent.
    Column("subject", String(64)),
    Column("card", Boolean, nullable=False),
    Column("loud", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("text", Text),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("failure", Text),
    Index(None, "state", "due_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(64), primary_key=True),
    Column("message_id", BigInteger, nullable=False),
    Index(None, "chat_id", "message_id"),
)

updates = Table(
    "updates",
    metadata,
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("received_at", Moment, nullable=False),
    #: As Telegram sent it, until it is done with: what an owner typed is not kept.
    Column("body", LargeBinary, nullable=False),
    Column("state", String(8), nullable=False, index=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("venue", String(8), primary_key=True),
    Column("user_id", String(32), nullable=False),
    Column("user_name", String(120), nullable=False),
    Column("access_token", Text, nullable=False),
    Column("login_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

login_states = Table(
    "login_states",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("venue", String(8), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("used_at", Moment),
)

instruments = Table(
    "instruments",
    metadata,
    Column("venue", String(8), primary_key=True),
    Column("exchange", String(8), primary_key=True),
    Column("fetched_at", Moment, nullable=False),
    #: The list's rows that matter here, as CSV, compressed.
    Column("rows", LargeBinary, nullable=False),
)

flags = Table(
    "flags",
    metadata,
    Column("name", String(96), primary_key=True),
    Column("value", Text, nullable=False),
    Column("set_at", Moment, nullable=False),
    Column("set_by", String(64), nullable=False),
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("name", String(48), primary_key=True),
    #: The trading date, IST.
    Column("day", Date, primary_key=True),
    Column("state", String(8), nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("attempts", Integer, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("event", String(40), nullable=False),
    Column("alert_id", String(32), index=True),
    Column("intent_id", String(40)),
    Column("detail", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
