"""Kite's rate limits (facts/kite.md 5), counted in sliding windows."""

from collections import deque
from dataclasses import dataclass
from time import monotonic

from gateway.paper.refusals import order_limit_exceeded, too_many_requests


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Requests allowed: to orders in all, and to each of the other routes by itself."""

    orders_per_second: int = 10
    orders_per_minute: int = 400
    orders_per_day: int = 5000
    quotes_per_second: int = 1
    others_per_second: int = 10


class Window:
    """At most `limit` hits within any `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._hits: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Counts this hit if there is room for it."""
        while self._hits and now - self._hits[0] >= self._seconds:
            self._hits.popleft()
        if len(self._hits) >= self._limit:
            return False
        self._hits.append(now)
        return True


class Turnstile:
    """Lets requests through or refuses them; what it refuses was never looked at."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._orders = Window(limits.orders_per_second, 1.0)
        self._placed_a_minute = Window(limits.orders_per_minute, 60.0)
        self._routes: dict[str, Window] = {}

    def admit_order_request(self) -> None:
        """For placing, modifying and cancelling alike: 10 a second. Raises Refusal with code 429."""
        if not self._orders.admit(monotonic()):
            raise too_many_requests()

    def admit_new_order(self, placed_today: int) -> None:
        """For placing alone: 400 a minute, 5000 a day. Raises Refusal with code 400."""
        if placed_today >= self._limits.orders_per_day or not self._placed_a_minute.admit(monotonic()):
            raise order_limit_exceeded()

    def admit_read(self, route: str) -> None:
        """For every other route. Raises Refusal with code 429."""
        quote = route.startswith("/quote")
        limit = self._limits.quotes_per_second if quote else self._limits.others_per_second
        if not self._routes.setdefault(route, Window(limit, 1.0)).admit(monotonic()):
            raise too_many_requests()
