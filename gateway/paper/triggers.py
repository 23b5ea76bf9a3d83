"""The account's GTTs: kept, watched and fired."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from gateway.paper.exchange import Exchange
from gateway.paper.gtt import MOST_ACTIVE, Gtt, GttRequest, Leg, Outcome, new_gtt
from gateway.paper.order_forms import OrderRequest
from gateway.paper.refusals import Refusal, unknown_trigger
from gateway.paper.wire import stamp
from gateway.paper.words import GttStatus, Variety


class Triggers:
    """Every trigger of the account by its id; `record` is told each new state first."""

    def __init__(
        self, *, exchange: Exchange, now: Callable[[], datetime], record: Callable[[str, object], None]
    ) -> None:
        self._exchange = exchange
        self._now = now
        self._record = record
        self._gtts: dict[int, Gtt] = {}

    def restore(self, gtts: Iterable[Gtt]) -> None:
        self._gtts |= {gtt.id: gtt for gtt in gtts}

    def carried(self) -> tuple[Gtt, ...]:
        return tuple(self._gtts.values())

    def all(self) -> list[Gtt]:
        return sorted(self._gtts.values(), key=lambda gtt: gtt.id, reverse=True)

    def get(self, number: int) -> Gtt:
        """Raises Refusal if there is no such trigger."""
        if number not in self._gtts:
            raise unknown_trigger()
        return self._gtts[number]

    def create(self, request: GttRequest) -> Gtt:
        """Raises Refusal if a rule forbids it."""
        if sum(gtt.active for gtt in self._gtts.values()) >= MOST_ACTIVE:
            raise Refusal(f"Maximum of {MOST_ACTIVE} active triggers reached.")
        return self._put(self._checked(request, max(self._gtts, default=100_000) + 1))

    def modify(self, number: int, request: GttRequest) -> Gtt:
        """Replaces condition and orders of an active trigger. Raises Refusal."""
        before = self._active(number)
        return self._put(replace(self._checked(request, number), created=before.created))

    def delete(self, number: int) -> Gtt:
        """Raises Refusal unless the trigger is active."""
        return self._put(replace(self._active(number), status=GttStatus.DELETED, updated=stamp(self._now())))

    def prices_moved(self) -> None:
        """Fires each trigger that the last prices touch; each at most once."""
        for gtt in [gtt for gtt in self._gtts.values() if gtt.active]:
            last = self._last(gtt)
            place = gtt.reached(last)
            if place is not None:
                self._fire(gtt, place, last)

    def expire(self) -> None:
        """Ends the triggers of contracts that are no longer listed."""
        for gtt in [gtt for gtt in self._gtts.values() if gtt.active]:
            if f"{gtt.exchange}:{gtt.tradingsymbol}" not in self._exchange.listing.by_key:
                self._put(replace(gtt, status=GttStatus.EXPIRED, updated=stamp(self._now())))

    def _fire(self, gtt: Gtt, place: int, last: int) -> None:
        order_id, reason = self._place(gtt, gtt.legs[place])
        outcome = Outcome(
            time=stamp(self._now()), triggered_at=last, order_id=order_id, rejection_reason=reason
        )
        self._put(gtt.fired(place, outcome))
        if order_id:
            self._exchange.process(order_id)

    def _place(self, gtt: Gtt, leg: Leg) -> tuple[str, str]:
        """The order's id and no reason; or no id, and the reason."""
        request = OrderRequest(
            variety=Variety.REGULAR,
            exchange=gtt.exchange,
            tradingsymbol=gtt.tradingsymbol,
            side=leg.side,
            quantity=leg.quantity,
            product=leg.product,
            order_type=leg.order_type,
            price=leg.price,
            gtt_id=gtt.id,
        )
        try:
            return self._exchange.accept(request).order_id, ""
        except Refusal as refusal:
            return "", refusal.message

    def _checked(self, request: GttRequest, number: int) -> Gtt:
        contract = self._exchange.listing.by_key.get(request.key)
        if contract is not None:
            self._exchange.book.know(contract)
        last = self._exchange.market.quote(contract).last if contract else 0
        return new_gtt(request, contract, last, number, self._now())

    def _active(self, number: int) -> Gtt:
        gtt = self.get(number)
        if not gtt.active:
            raise Refusal("Trigger is not active.", error_type="GeneralException")
        return gtt

    def _last(self, gtt: Gtt) -> int:
        return self._exchange.market.quote(self._exchange.listing.by_token[gtt.token]).last

    def _put(self, gtt: Gtt) -> Gtt:
        self._record("gtt", gtt)
        self._gtts[gtt.id] = gtt
        return gtt
