"""What a client asks for: the form fields of POST and PUT /orders, read into types."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from gateway.paper.refusals import invalid, missing
from gateway.paper.wire import paise
from gateway.paper.words import OrderType, Product, Side, Validity, Variety

Form = Mapping[str, str]
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """A new order as asked for. Prices in paise (0: none), protection in percent (-1: automatic)."""

    variety: Variety
    exchange: str
    tradingsymbol: str
    side: Side
    quantity: int
    product: Product
    order_type: OrderType
    price: int = 0
    trigger_price: int = 0
    validity: Validity = Validity.DAY
    validity_ttl: int = 0
    disclosed_quantity: int = 0
    market_protection: Decimal | None = None
    tag: str | None = None
    gtt_id: int | None = None

    @property
    def key(self) -> str:
        return f"{self.exchange}:{self.tradingsymbol}"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A modification as asked for; None leaves a field as it is."""

    quantity: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    order_type: OrderType | None = None
    validity: Validity | None = None
    market_protection: Decimal | None = None


def read_order(variety: str, form: Form) -> OrderRequest:
    """The order in the form. Raises Refusal for a field that is missing or makes no sense."""
    return OrderRequest(
        variety=_word(Variety, {"variety": variety}, "variety"),
        exchange=_text(form, "exchange"),
        tradingsymbol=_text(form, "tradingsymbol"),
        side=_word(Side, form, "transaction_type"),
        quantity=_count(form, "quantity"),
        product=_word(Product, form, "product"),
        order_type=_word(OrderType, form, "order_type"),
        price=_price(form, "price") or 0,
        trigger_price=_price(form, "trigger_price") or 0,
        validity=_word(Validity, form, "validity") if form.get("validity") else Validity.DAY,
        validity_ttl=_count(form, "validity_ttl") if form.get("validity_ttl") else 0,
        disclosed_quantity=_count(form, "disclosed_quantity") if form.get("disclosed_quantity") else 0,
        market_protection=_protection(form),
        tag=form.get("tag") or None,
    )


def read_change(form: Form) -> Change:
    """The modification in the form. Raises Refusal for a field that makes no sense."""
    return Change(
        quantity=_count(form, "quantity") if form.get("quantity") else None,
        price=_price(form, "price"),
        trigger_price=_price(form, "trigger_price"),
        order_type=_word(OrderType, form, "order_type") if form.get("order_type") else None,
        validity=_word(Validity, form, "validity") if form.get("validity") else None,
        market_protection=_protection(form),
    )


def _text(form: Form, field: str) -> str:
    value = form.get(field, "").strip()
    if not value:
        raise missing(field)
    return value


def _word(words: type[E], form: Form, field: str) -> E:
    try:
        return words(_text(form, field))
    except ValueError:
        raise invalid(field) from None


def _count(form: Form, field: str) -> int:
    text = _text(form, field)
    if not (text.isascii() and text.isdigit()):
        raise invalid(field)
    return int(text)


def _price(form: Form, field: str) -> int | None:
    """Paise, or None if the field was not sent. A fraction of a paisa is off any tick."""
    if not form.get(field):
        return None
    try:
        return paise(form[field])
    except ValueError:
        raise invalid(field) from None


def _protection(form: Form) -> Decimal | None:
    """Percent; 0 counts as none given: Kite refuses both alike (facts/kite.md 2.3)."""
    text = form.get("market_protection")
    if not text:
        return None
    try:
        percent = Decimal(text)
    except InvalidOperation:
        raise invalid("market_protection") from None
    if percent != -1 and not 0 <= percent <= 100:
        raise invalid("market_protection")
    return percent or None
