"""Polling, and the webhook settings that forbid it.

The phone goes out to no network but for tests, where it is `local` as Telegram's own server can be: else a
webhook is kept and reported, but like one that cannot be reached its updates wait until it is deleted.
"""

from typing import Any

from bot.phone.call import Call
from bot.phone.errors import conflict_with_webhook
from bot.phone.phone import Phone

_DEFAULT_LIMIT = 100


async def get_updates(phone: Phone, call: Call) -> Any:
    """getUpdates."""
    if phone.profile.webhook["url"]:
        raise conflict_with_webhook()
    phone.updates.allow(call.structure("allowed_updates"))
    return await phone.updates.poll(
        offset=call.number("offset", 0),
        limit=call.number("limit", _DEFAULT_LIMIT),
        seconds=call.number("timeout", 0),
    )


def set_webhook(phone: Phone, call: Call) -> Any:
    """setWebhook."""
    _drop_pending(phone, call)
    phone.updates.allow(call.structure("allowed_updates"))
    names = ("url", "ip_address", "secret_token")
    settings: dict[str, Any] = {name: call.text(name) for name in names if call.text(name)}
    if call.text("max_connections"):
        settings["max_connections"] = call.number("max_connections", 40)
    phone.profile.set_webhook(settings, local=phone.local)
    phone.updates.announce()
    return True


def delete_webhook(phone: Phone, call: Call) -> Any:
    """deleteWebhook."""
    _drop_pending(phone, call)
    phone.profile.set_webhook({"url": ""}, local=phone.local)
    phone.updates.announce()
    return True


def get_webhook_info(phone: Phone, _call: Call) -> Any:
    """getWebhookInfo."""
    pending = len(phone.updates.pending())
    told = {name: value for name, value in phone.profile.webhook.items() if name != "secret_token"}
    return {**told, "has_custom_certificate": False, "pending_update_count": pending}


def _drop_pending(phone: Phone, call: Call) -> None:
    if call.flag("drop_pending_updates"):
        phone.updates.confirm(1 << 62)
