"""The names of fields: any case, any spelling of the gaps, the usual aliases, and near misses."""

from functools import cache, lru_cache

from gateway.ingress.grammar.text import tidy

SECRET = "secret"  # noqa: S105  the name of the field
#: Signal's fields, each with its aliases; all in normal form but for the first.
_ALIASES: dict[str, tuple[str, ...]] = {
    "action": ("side", "transactiontype", "orderaction"),
    "symbol": ("ticker", "tickerid", "underlying", "instrument", "tradingsymbol"),
    "option_type": ("opttype",),
    "strike": ("strikeprice",),
    "quantity": ("qty", "units"),
    "lots": ("lot", "nooflots", "numlots", "numoflots", "numberoflots", "lotcount"),
    "expiry": ("expirydate", "expiration", "expirationdate", "exp", "expdate"),
    "stop_loss": ("sl", "stop", "stoplossprice"),
    "target": ("tp", "tgt", "takeprofit", "targetprice", "profittarget"),
    "trailing_stop": ("trail", "trailing", "trailstop", "trailingsl", "trailingstoploss", "tsl"),
    "strategy": ("strategyname",),
    "id": ("alertid", "idempotencykey"),
    "time": ("timenow", "timestamp"),
    "price": ("entryprice", "orderprice"),
    "market_position": (),
    "prev_market_position": ("previousmarketposition",),
    "position_size": (),
    SECRET: (),
}
_GAPS = str.maketrans("", "", "_- .")
_MAX_NAME = 64
_MIN_NEAR = 5
#: A letter off a field's name, and yet another word.
_OTHER_WORDS = frozenset({"positionside"})


def normal(name: str) -> str:
    """Lower case, without gaps: `Stop-Loss`, `stopLoss` and `stop_loss` are one name."""
    return tidy(name[:_MAX_NAME]).lower().translate(_GAPS)


def _known() -> dict[str, tuple[str, str]]:
    """Field and normal form by the spellings seen most: the field's own name and every normal form."""
    known = {alias: (field, alias) for field, aliases in _ALIASES.items() for alias in aliases}
    for field in _ALIASES:
        word = field.translate(_GAPS)
        known[field] = known[word] = (field, word)
    return known


_KNOWN = _known()


def look_up(name: str) -> tuple[str | None, str]:
    """The field that a name means, or None; and the name's normal form."""
    if (known := _KNOWN.get(name)) is not None:
        return known
    word = normal(name)
    return _KNOWN.get(word, (None, word))


@lru_cache(maxsize=1024)
def near_miss(word: str) -> str | None:
    """The field that an unknown name, in normal form, was meant for: a letter off, on either side."""
    if word in _OTHER_WORDS:
        return None
    near = _near_misses()
    return near.get(word) or next((near[part] for part in _shortened(word) if part in near), None)


def _shortened(word: str) -> set[str]:
    """The word without each one of its letters; nothing for words too short to tell apart, or very long."""
    if not _MIN_NEAR <= len(word) <= _MAX_NAME // 2:
        return set()
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


@cache
def _near_misses() -> dict[str, str]:
    """Every field's name with at most a letter missing; a near miss is one of these, or one letter more."""
    names = [(field.translate(_GAPS), field) for field in _ALIASES] + [
        ("ticker", "symbol"),
        ("takeprofit", "target"),
    ]
    return {part: field for name, field in names for part in {name, *_shortened(name)}}
