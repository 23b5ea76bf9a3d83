"""The embedded phone wired to its gateway: the composer sends to the webhook, the page shows the exchange."""

import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import aiohttp

from bot.phone.composer import AlertReply
from bot.phone.server import PhoneServer
from config.settings import Settings


def embedded_phone(
    settings: Settings,
    owner_id: int,
    address: Callable[[], str],
    *,
    spot: Callable[[str], Decimal] | None,
    market_view: Callable[[], Mapping[str, Any]] | None,
) -> tuple[str, PhoneServer]:
    """A bot token of this run alone, and the phone that takes it; not yet started.

    `address` is where the gateway takes alerts; `spot` and `market_view` come from the paper exchange.
    """
    token = f"1:{secrets.token_urlsafe(24)}"

    async def send_alert(body: str, query: str) -> AlertReply:
        """Like TradingView: a POST to the webhook's own address."""
        secret = settings.webhook_secret
        path = f"/{secret.get_secret_value()}" if secret else ""
        url = f"{address()}/webhook/tradingview{path}" + (f"?{query}" if query else "")
        async with aiohttp.ClientSession() as http, http.post(url, data=body.encode()) as answer:
            return AlertReply(status=answer.status, body=await answer.text())

    phone = PhoneServer(
        token=token,
        owner_id=owner_id,
        host=settings.phone.host,
        port=settings.phone.port,
        data_dir=settings.data_dir / "phone",
        send_alert=send_alert,
        placeholders=(lambda symbol: {"close": str(spot(symbol))}) if spot else None,
        market_view=market_view,
    )
    return token, phone
