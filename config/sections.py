"""The sections of the configuration as frozen models: every key, its unit, its default."""

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from config import fields as f
from config.notices import NoticeEvent, NoticeLevel

_Text = Annotated[str, Field(max_length=200, pattern=r"^\S*$")]


class Section(BaseModel):
    """A part of the configuration; a key that is not listed is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Server(Section):
    """Where alerts, Kite's redirect and its postbacks arrive."""

    host: f.Host = Field(
        default="127.0.0.1", description="Address to listen on. Other than loopback needs webhook_secret."
    )
    port: f.Port = Field(default=5001, description="TCP port to listen on; 0 takes any free one.")
    public_url: f.HttpUrl | None = Field(
        default=None,
        description="The address under which the internet reaches this server; null when it does not.",
    )
    trusted_proxies: tuple[f.IpNetwork, ...] = Field(
        default=(), description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed."
    )
    allowed_ips: f.Senders = Field(
        default=(),
        description="Addresses or networks that may send alerts; an empty list lets every address. The word "
        "tradingview stands for TradingView's published addresses.",
    )
    max_body_bytes: Annotated[int, Field(ge=1_024, le=1_048_576)] = Field(
        default=16_384, description="Largest accepted request body, in bytes."
    )


class Kite(Section):
    """The Kite Connect app and the account it may trade for."""

    api_key: _Text = Field(default="", description="The Kite Connect app's API key. Needed for live.")
    api_secret: SecretStr = Field(default=SecretStr(""), description="The app's API secret. Needed for live.")
    user_id: _Text = Field(
        default="",
        description="The Zerodha user id, such as AB1234: nobody else may log in. Needed for live.",
    )
    api_url: f.HttpUrl | None = Field(
        default=None,
        description="Root of another server that speaks Kite Connect's HTTP protocol; null: Kite's own.",
    )
    login_url: f.HttpUrl | None = Field(default=None, description="Another login page; null: Kite's own.")
    ticker_url: f.WebSocketUrl | None = Field(
        default=None, description="Another WebSocket server (ws:// or wss://); null: Kite's own."
    )
    market_data: bool = Field(
        default=True, description="false for the free Personal app, which has neither quotes nor a WebSocket."
    )


class Telegram(Section):
    """The bot, and whom it obeys."""

    bot_token: SecretStr = Field(
        default=SecretStr(""),
        description="The token @BotFather gave. Empty: the embedded phone page is used instead.",
    )
    owner_ids: tuple[f.Count, ...] = Field(
        default=(), description="Numeric Telegram user ids that are heard; everyone else gets silence."
    )
    viewer_ids: tuple[f.Count, ...] = Field(
        default=(),
        description="Numeric Telegram user ids that may look (/status, /positions, /pnl ...) and decide "
        "nothing.",
    )
    second_factor_word: f.Word | None = Field(
        default=None,
        description="A word typed before /resume, and before orders above second_factor_above_premium; null: "
        "none is asked for.",
    )
    second_factor_above_premium: f.Rupees | None = Field(
        default=None,
        description="Premium of one order (price x units), in rupees, above which Approve also asks for the "
        "word; then /mode auto and a /buy that nobody would be asked about do, too. null: none.",
    )
    chat_id: int | None = Field(
        default=None,
        description="The chat written to (groups have a negative id); null: each owner privately.",
    )
    notices: dict[NoticeEvent, NoticeLevel] = Field(
        default={},
        description="How each event is told: on (with sound), silent, or off. What is left out is told as it "
        "comes: fills and failures with sound. question, unknown, exit_refused, unguarded and kill_switch "
        "cannot be off.",
    )
    api_url: f.HttpUrl | None = Field(
        default=None,
        description="Root of another Bot API server, before /bot<token>/METHOD; null: Telegram's own.",
    )
    webhook: bool = Field(
        default=False,
        description="true: Telegram brings what owners say to server.public_url (HTTPS, port 80, 88, 443 or "
        "8443). false: the gateway asks for it.",
    )


class Market(Section):
    """When the market is taken to be open."""

    hours: f.MarketHours = Field(
        default="exchange",
        description="exchange: the exchange's calendar. always: every day, all day (refused with live).",
    )


class Defaults(Section):
    """How a strategy trades unless it says otherwise."""

    approval: f.Approval = Field(
        default="confirm", description="confirm: the owner is asked first. auto: not."
    )
    approval_timeout_seconds: f.Seconds = Field(
        default=60,
        description="How long an approval can be given, in seconds; then it expires and nothing is sent.",
    )
    confirm_exits: bool = Field(default=False, description="Whether a SELL alert asks for approval, too.")
    product: f.Product = Field(
        default="NRML", description="Kite's product: NRML is carried overnight, MIS is closed the same day."
    )
    pricing: f.Pricing = Field(
        default="protected_market",
        description="protected_market: MARKET with market_protection. marketable_limit: a LIMIT that crosses "
        "the spread. limit: a LIMIT at the alert's price.",
    )
    market_protection: f.MarketProtection = Field(
        default=Decimal(-1),
        description="Percent a MARKET order may slip, above 0 to 100; -1: Kite's own band.",
    )
    max_alert_age_seconds: f.Seconds = Field(
        default=60, description="An older alert is stale and not traded, in seconds."
    )
    round_quantity: f.RoundQuantity = Field(
        default="reject",
        description="An alert's quantity that is no multiple of the lot size: reject refuses it and says so; "
        "down trades the next smaller multiple (and refuses what is less than one lot).",
    )
    max_price_drift: f.Percent = Field(
        default=Decimal(5),
        description="Percent the premium may have moved since the card when Approve is pressed; further, and "
        "the press asks once more.",
    )
    square_off: f.SquareOff = Field(
        default="all", description="What is closed at schedule.square_off: all, intraday (MIS only), or none."
    )


class Trade(Section):
    """What an alert may leave out because its strategy says it."""

    symbol: f.Symbol | None = Field(default=None, description="Underlying, when the alert names none.")
    option_type: f.OptionType | None = Field(default=None, description="CE or PE, when the alert names none.")
    lots: f.Count | None = Field(default=None, description="Size in lots, when the alert names none.")
    quantity: f.Count | None = Field(
        default=None, description="Size in units (a multiple of the lot size), when the alert names none."
    )
    strike: f.Strike | None = Field(
        default=None,
        description="Index points, arithmetic, ATM, ATM+2, ITM1 or OTM3, when the alert names none.",
    )
    expiry: f.Expiry | None = Field(
        default=None,
        description="weekly, monthly, next or YYYY-MM-DD; otherwise the nearest not yet expired.",
    )
    stop_loss: f.Level | None = Field(
        default=None, description="Option price in rupees, or a percentage of the fill such as -20%."
    )
    target: f.Level | None = Field(
        default=None, description="Option price in rupees, or a percentage of the fill such as +30%."
    )
    trailing_stop: f.Trail | None = Field(
        default=None,
        description="How far below the highest price seen since the fill the stop follows: rupees of the "
        "option price, or a percentage of that price such as 10%.",
    )


class Strategy(Trade):
    """One strategy's own settings; what is left out (or null) comes from `venue` and `defaults`."""

    venue: f.Venue | None = Field(
        default=None, description="Where this strategy trades; null: the general venue."
    )
    enabled: bool = Field(default=True, description="false: its entries are refused; exits go on.")
    expected_every_minutes: f.Count | None = Field(
        default=None,
        description="How often it speaks at least, in minutes of open market; a longer silence is told.",
    )
    notices: dict[NoticeEvent, NoticeLevel] = Field(
        default={}, description="See telegram.notices; for this strategy alone, over what stands there."
    )
    allow_short: bool = Field(
        default=False, description="Whether a SELL with nothing to close opens a short position."
    )
    approval: f.Approval | None = Field(default=None, description="See defaults.approval.")
    approval_timeout_seconds: f.Seconds | None = Field(default=None, description="Seconds; see defaults.")
    confirm_exits: bool | None = Field(default=None, description="See defaults.confirm_exits.")
    product: f.Product | None = Field(default=None, description="See defaults.product.")
    pricing: f.Pricing | None = Field(default=None, description="See defaults.pricing.")
    market_protection: f.MarketProtection | None = Field(default=None, description="Percent; see defaults.")
    max_alert_age_seconds: f.Seconds | None = Field(default=None, description="Seconds; see defaults.")
    round_quantity: f.RoundQuantity | None = Field(default=None, description="See defaults.round_quantity.")
    max_price_drift: f.Percent | None = Field(default=None, description="Percent; see defaults.")
    square_off: f.SquareOff | None = Field(default=None, description="See defaults.square_off.")


class StrategySettings(Trade, Defaults):
    """One strategy's settings with every default filled in: what planning, approval and square-off read."""

    name: str
    venue: f.Venue
    enabled: bool
    expected_every_minutes: int | None = None
    allow_short: bool


class Risk(Section):
    """The limits of the whole account. live needs the first six written out; the others are optional."""

    max_lots_per_order: f.Count = Field(default=10, description="Lots in one order, at most.")
    max_premium_per_order: f.Rupees = Field(
        default=Decimal(200_000), description="Premium of one order (price x units), in rupees, at most."
    )
    max_open_positions: f.Count = Field(
        default=5, description="Contracts held or being bought at once, at most."
    )
    max_orders_per_day: f.Count = Field(default=50, description="Entries a day, at most; exits always go on.")
    max_daily_loss: f.Rupees = Field(
        default=Decimal(10_000),
        description="Loss of the day in rupees, realised and open, after charges, at which entries stop.",
    )
    allowed_symbols: Annotated[tuple[f.Symbol, ...], Field(min_length=1)] = Field(
        default=("NIFTY", "BANKNIFTY", "SENSEX"), description="Underlyings that may be bought."
    )
    flatten_on_daily_loss: bool = Field(
        default=False,
        description="Whether everything held is closed when max_daily_loss is reached, realised and open "
        "together; false: only entries stop.",
    )
    max_consecutive_losses: f.Count | None = Field(
        default=None, description="Trades of a day that may lose in a row; then no more is bought. null: off."
    )
    max_price_drift_percent: f.Percent | None = Field(
        default=None,
        description="How far, in percent, the option's price may move between the alert and the order (the "
        "approval lies between them), either way. null: off.",
    )
    max_spread_percent: f.Percent | None = Field(
        default=None, description="How far bid and ask may be apart, in percent of their middle. null: off."
    )
    min_price: f.Rupees | None = Field(
        default=None, description="The cheapest option that is bought, in rupees a unit. null: off."
    )
    entries_from: f.TimeOfDay | None = Field(
        default=None, description="No entries before this time of day, IST. null: from the market's opening."
    )
    entries_until: f.TimeOfDay | None = Field(
        default=None, description="No entries from this time of day on, IST. null: to the market's close."
    )


#: The limits that live wants written out by the owner; the other keys of `risk` are optional.
LIVE_LIMITS = (
    *("max_lots_per_order", "max_premium_per_order", "max_open_positions"),
    *("max_orders_per_day", "max_daily_loss", "allowed_symbols"),
)


class Schedule(Section):
    """The timed jobs of a trading day; times of day in IST, HH:MM."""

    login_reminder: f.TimeOfDay = Field(default=time(8, 0), description="Asks for Kite's login.")
    instruments: f.TimeOfDay = Field(default=time(8, 30), description="Reads the instrument list.")
    square_off: f.TimeOfDay = Field(default=time(15, 15), description="Closes; see square_off.")
    morning: f.TimeOfDay = Field(
        default=time(8, 45), description="Tells how the day begins: hours, session, limits, what is armed."
    )
    summary: f.TimeOfDay = Field(default=time(15, 45), description="Tells how the day went.")
    heartbeat_minutes: Annotated[int, Field(ge=5, le=1_440)] | None = Field(
        default=None,
        description="A silent sign of life so often while the market is open, in minutes; null: none.",
    )
    housekeeping: f.TimeOfDay = Field(
        default=time(16, 30),
        description="Every day, also when nothing trades: the backup, the audit trail verified whole, old "
        "messages cleared away.",
    )


class Backup(Section):
    """The daily copies of the database."""

    dir: Path | None = Field(
        default=None,
        description="Where they stand, better on another disk; null: backups, in data_dir.",
    )
    keep: Annotated[f.Count, Field(le=3_650)] = Field(
        default=14, description="How many daily copies are kept; the oldest goes first."
    )


class Phone(Section):
    """The embedded phone page, used while telegram.bot_token is empty; no password, hence loopback only."""

    host: f.Host = Field(default="127.0.0.1", description="Address to listen on: a loopback address.")
    port: f.Port = Field(default=5002, description="TCP port to listen on; 0 takes any free one.")
