"""Polling, and the webhook settings that forbid it.

The phone has no way out to the network: a webhook is kept and reported, but like one that cannot be
reached it never receives anything, and its updates wait until it is deleted.
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
    names = ("url", "ip_address", "max_connections")
    phone.profile.set_webhook({name: call.text(name) for name in names if call.text(name)})
    return True


def delete_webhook(phone: Phone, call: Call) -> Any:
    """deleteWebhook."""
    _drop_pending(phone, call)
    phone.profile.set_webhook({"url": ""})
    return True


def get_webhook_info(phone: Phone, _call: Call) -> Any:
    """getWebhookInfo."""
    pending = len(phone.updates.pending())
    return {**phone.profile.webhook, "has_custom_certificate": False, "pending_update_count": pending}


def _drop_pending(phone: Phone, call: Call) -> None:
    if call.flag("drop_pending_updates"):
        phone.updates.confirm(1 << 62)
