"""The alert composer: fills TradingView's placeholders and hands the alert to the gateway."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_BSE_SYMBOLS = frozenset({"SENSEX", "BANKEX"})


@dataclass(frozen=True, kw_only=True)
class AlertReply:
    """The gateway's answer to an alert."""

    status: int
    body: str


SendAlert = Callable[[str, str], Awaitable[AlertReply]]
Placeholders = Callable[[str], Mapping[str, str]]


def substitute(template: str, values: Mapping[str, str]) -> str:
    """Replaces `{{name}}` as text, like TradingView; a name without a value stays as it is."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), match.group()), template)


class Composer:
    """What stands behind the page's "Send alert" button."""

    def __init__(self, *, send_alert: SendAlert | None, placeholders: Placeholders | None) -> None:
        self._send_alert = send_alert
        self._placeholders = placeholders

    @property
    def available(self) -> bool:
        """Whether there is a gateway to send to."""
        return self._send_alert is not None

    def values(self, symbol: str, now: datetime | None = None) -> Mapping[str, str]:
        """The placeholders of a chart now: times in UTC, whole seconds (facts/tradingview.md 3)."""
        stamp = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        basic = {
            "ticker": symbol,
            "exchange": "BSE" if symbol in _BSE_SYMBOLS else "NSE",
            "interval": "1",
            "time": f"{stamp[:17]}00Z",
            "timenow": stamp,
        }
        return {**basic, **(self._placeholders(symbol) if self._placeholders else {})}

    async def send(self, *, template: str, symbol: str, query: str) -> Mapping[str, Any]:
        """Fills and sends an alert; the answer holds `sent`, `status` and `body`.

        Raises LookupError when there is no gateway.
        """
        if self._send_alert is None:
            raise LookupError("no gateway to send alerts to")
        sent = substitute(template, self.values(symbol))
        reply = await self._send_alert(sent, query)
        return {"sent": sent, "status": reply.status, "body": reply.body}
