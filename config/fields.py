"""The kinds of value a setting can be: what each accepts, its unit, and how the JSON schema shows it."""

import re
from datetime import time
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, WithJsonSchema

from config.market import senders

Venue = Literal["paper", "live"]
Approval = Literal["confirm", "auto"]
Product = Literal["NRML", "MIS"]
Pricing = Literal["protected_market", "marketable_limit", "limit"]
RoundQuantity = Literal["reject", "down"]
SquareOff = Literal["all", "intraday", "none"]
MarketHours = Literal["exchange", "always"]
Network = IPv4Network | IPv6Network

_ARITHMETIC = r"[\d.+\-*/() ]+"
_STRIKE = re.compile(rf"ATM([+-]\d{{1,2}})?|[IO]TM\d{{1,2}}|{_ARITHMETIC}")
_LEVEL = re.compile(rf"[+-]?\d+(\.\d+)?%|{_ARITHMETIC}")
_TRAIL = re.compile(r"\d+(\.\d+)?%?")
_EXPIRY = re.compile(r"weekly|monthly|next|\d{4}-\d{2}-\d{2}")
_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_SHORTEST_SECRET = 4
_SHORTEST_WORD = 6
_OPTION_TYPES = {"CALL": "CE", "C": "CE", "PUT": "PE", "P": "PE"}


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004  pydantic turns ValueError into a fault
    return value


def _text(value: Any) -> Any:
    numeric = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return str(value) if numeric else value


def _time_of_day(value: Any) -> Any:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.match(_TIME_OF_DAY, value):
        raise ValueError('a time of day, IST, as "HH:MM"')
    return time.fromisoformat(value)


def _market_protection(value: Decimal) -> Decimal:
    if value == -1 or 0 < value <= 100:
        return value
    raise ValueError("-1 (the exchange's own band) or a percentage above 0 and at most 100")


def _network(value: Any) -> Any:
    try:
        return ip_network(value)
    except (ValueError, TypeError):
        raise ValueError(
            'an IP address or network such as "52.89.214.238" or "10.0.0.0/8" (no bits set after the prefix)'
        ) from None


def _address(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if not _is_address(value, schemes):
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"an address starting with {wanted}, or null")
        return value.rstrip("/")

    return AfterValidator(check)


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in schemes
            and bool(parts.hostname)
            and parts.port != 0
            and not re.search(r"\s", value)
        )
    except ValueError:  # brackets that do not close, a port that is no port
        return False


def _matching(pattern: re.Pattern[str], upper: bool, sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        text = value.strip().upper() if upper else value.strip().lower()
        if not pattern.fullmatch(text):
            raise ValueError(sentence)
        return text

    return AfterValidator(check)


def _webhook_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < _SHORTEST_SECRET or text != text.strip() or not text.isprintable():
        raise ValueError(f"at least {_SHORTEST_SECRET} characters, with no spaces at its ends")
    return value


def _word(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < _SHORTEST_WORD or text != text.strip() or not text.isprintable() or text.startswith("/"):
        raise ValueError(f"at least {_SHORTEST_WORD} characters, no spaces at its ends, no / in front")
    return value


def _option_type(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip().upper()
    return _OPTION_TYPES.get(text, text)


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


_NUMBER_OR_TEXT = WithJsonSchema({"type": ["string", "number"]})
_PERCENT_SCHEMA = WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1000})
_RUPEES_SCHEMA = WithJsonSchema({"type": "number", "exclusiveMinimum": 0})

Count = Annotated[int, Field(ge=1), BeforeValidator(_no_boolean)]
Seconds = Annotated[int, Field(ge=1, le=86_400), BeforeValidator(_no_boolean)]
Port = Annotated[int, Field(ge=0, le=65_535), BeforeValidator(_no_boolean)]
Rupees = Annotated[Decimal, Field(gt=0, decimal_places=2), BeforeValidator(_no_boolean), _RUPEES_SCHEMA]
Percent = Annotated[Decimal, Field(gt=0, le=1000), BeforeValidator(_no_boolean), _PERCENT_SCHEMA]
MarketProtection = Annotated[
    Decimal,
    BeforeValidator(_no_boolean),
    AfterValidator(_market_protection),
    WithJsonSchema({"anyOf": [{"const": -1}, {"type": "number", "exclusiveMinimum": 0, "maximum": 100}]}),
]
TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _TIME_OF_DAY}),
]


def _with_words(values: object) -> object:
    """`tradingview` becomes the addresses it stands for."""
    if not isinstance(values, list | tuple):
        return values
    known = senders()
    return [network for value in values for network in known.get(str(value).lower(), (value,))]


IpNetwork = Annotated[Network, BeforeValidator(_network), WithJsonSchema({"type": "string"})]
Senders = Annotated[
    tuple[IpNetwork, ...],
    BeforeValidator(_with_words),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
HttpUrl = Annotated[str, _address("http", "https")]
WebSocketUrl = Annotated[str, _address("ws", "wss")]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[0-9A-Za-z.:\[\]_-]+$")]
WebhookSecret = Annotated[
    SecretStr,
    AfterValidator(_webhook_secret),
    WithJsonSchema({"type": "string", "format": "password", "minLength": _SHORTEST_SECRET}),
]
Word = Annotated[
    SecretStr,
    AfterValidator(_word),
    WithJsonSchema({"type": "string", "format": "password", "minLength": _SHORTEST_WORD}),
]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9&_-]{1,40}$"), BeforeValidator(_upper)]
OptionType = Annotated[
    Literal["CE", "PE"],
    BeforeValidator(_option_type),
    WithJsonSchema({"enum": ["CE", "PE", "CALL", "PUT", "C", "P"]}),
]
Strike = Annotated[
    str,
    BeforeValidator(_text),
    _matching(_STRIKE, True, 'a number, arithmetic, "ATM", "ATM+2", "ITM1" or "OTM3"'),
    _NUMBER_OR_TEXT,
]
Expiry = Annotated[str, _matching(_EXPIRY, False, '"weekly", "monthly", "next" or a date as "YYYY-MM-DD"')]
Level = Annotated[
    str,
    BeforeValidator(_text),
    _matching(_LEVEL, True, 'an option price, arithmetic, or a percentage of the fill such as "-20%"'),
    _NUMBER_OR_TEXT,
]
Trail = Annotated[
    str,
    BeforeValidator(_text),
    _matching(_TRAIL, True, 'rupees of the option price such as "15", or a percentage such as "10%"'),
    _NUMBER_OR_TEXT,
]
StrategyName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
