"""Rules over the whole configuration: what live needs, and what must not stand together."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from config.database import what_is_wrong
from config.faults import Fault
from config.fields import is_loopback
from config.file import readable_by_others
from config.model import Settings
from config.notices import NEVER_OFF, NoticeLevel
from config.sections import LIVE_LIMITS

_LIVE_SECRET_LENGTH = 16
_PLACEHOLDERS = {"long random text", "your-secret-key-here", "change-me-to-long-random-text"}
_PATH_SAFE = re.compile(r"[A-Za-z0-9._~-]+")
_THIS_MACHINE = ("127.0.0.1", "::1")
_WRITE_A_NEW_ONE = 'write a new one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def faults_in(settings: Settings, path: Path | None) -> list[Fault]:
    """Everything for which the gateway refuses to start; `path` is the file the settings came from."""
    rules = [
        *_webhook_secret(settings),
        *_telegram(settings),
        *_notices(settings),
        *_second_factor(settings),
        *_servers(settings),
        *_strategies(settings),
    ]
    rules += [*_database(settings), *_readable_secrets(settings, path)]
    if "live" in settings.venues():
        rules += [*_live_keys(settings), *_live_limits(settings), *_live_market(settings)]
    return rules


def settings_warnings(settings: Settings, path: Path | None) -> list[Fault]:
    """What the owner should know, though the gateway starts."""
    return [
        *_exposed_file(path),
        *_awkward_secret(settings),
        *_public_without_secret(settings),
        *_nobody_let_in(settings),
    ]


def why_nobody_is_let_in(settings: Settings) -> str | None:
    """Why every alert is answered 403: behind a tunnel or a proxy of this machine all senders look alike; to
    continue a sentence about server.allowed_ips. None where that is not so."""
    server = settings.server
    behind_another = is_loopback(server.host) and not server.trusted_proxies
    if not server.allowed_ips or not behind_another:
        return None
    if any(ip_address(here) in network for network in server.allowed_ips for here in _THIS_MACHINE):
        return None
    return (
        "lets nobody in: behind a tunnel or a proxy of this machine all alerts come from 127.0.0.1, which it "
        'lacks. Write ["127.0.0.1"] into server.trusted_proxies, so that the real sender is looked at'
    )


def _webhook_secret(settings: Settings) -> Iterator[Fault]:
    secret = settings.webhook_secret
    if secret is None:
        yield from _no_webhook_secret(settings)
        return
    text = secret.get_secret_value()
    if "live" not in settings.venues():
        return
    if text.strip().lower() in _PLACEHOLDERS:
        yield Fault(key="webhook_secret", sentence=f"is still the example's text; {_WRITE_A_NEW_ONE}")
    elif len(text) < _LIVE_SECRET_LENGTH:
        short = f"has {len(text)} characters, live needs at least {_LIVE_SECRET_LENGTH}"
        yield Fault(key="webhook_secret", sentence=f"{short}; {_WRITE_A_NEW_ONE}")


def _no_webhook_secret(settings: Settings) -> Iterator[Fault]:
    if "live" in settings.venues():
        yield Fault(key="webhook_secret", sentence=f"is missing, live needs it; {_WRITE_A_NEW_ONE}")
    elif not is_loopback(settings.server.host):
        yield Fault(
            key="webhook_secret",
            sentence=f"is missing: without it server.host must be a loopback address; {_WRITE_A_NEW_ONE}",
        )


def _telegram(settings: Settings) -> Iterator[Fault]:
    telegram = settings.telegram
    if telegram.bot_token.get_secret_value() and not telegram.owner_ids:
        yield Fault(
            key="telegram.owner_ids",
            sentence="must name at least one numeric user id (see @userinfobot): no one else is heard",
        )
    if telegram.webhook:
        yield from _telegram_webhook(settings)


def _telegram_webhook(settings: Settings) -> Iterator[Fault]:
    url = settings.server.public_url
    if not settings.telegram.bot_token.get_secret_value():
        yield Fault(
            key="telegram.webhook", sentence="needs telegram.bot_token: the phone page is not reached"
        )
    elif url is None:
        yield Fault(key="telegram.webhook", sentence="needs server.public_url, where Telegram reaches us")
    elif settings.telegram.api_url is None and not str(url).startswith("https://"):
        yield Fault(key="telegram.webhook", sentence="needs a server.public_url that begins with https://")


def _second_factor(settings: Settings) -> Iterator[Fault]:
    telegram = settings.telegram
    if telegram.second_factor_above_premium is not None and telegram.second_factor_word is None:
        yield Fault(
            key="telegram.second_factor_word",
            sentence="is missing: second_factor_above_premium asks for it",
        )


def _notices(settings: Settings) -> Iterator[Fault]:
    said = {"telegram.notices": settings.telegram.notices}
    said |= {f"strategies.{name}.notices": own.notices for name, own in settings.strategies.items()}
    for key, wishes in said.items():
        for event, level in wishes.items():
            if level is NoticeLevel.OFF and event in NEVER_OFF:
                sentence = "cannot be off: it must be heard of; silent is the least"
                yield Fault(key=f"{key}.{event}", sentence=sentence)


def _servers(settings: Settings) -> Iterator[Fault]:
    server, phone = settings.server, settings.phone
    if not is_loopback(phone.host):
        yield Fault(
            key="phone.host",
            sentence="must be a loopback address such as 127.0.0.1: the page has no password",
        )
    uses_phone = not settings.telegram.bot_token.get_secret_value()
    if uses_phone and phone.port == server.port != 0:
        yield Fault(key="phone.port", sentence="must differ from server.port")


def _strategies(settings: Settings) -> Iterator[Fault]:
    for name, strategy in settings.strategies.items():
        if strategy.lots is not None and strategy.quantity is not None:
            yield Fault(
                key=f"strategies.{name}.quantity", sentence="must not stand beside lots: give one of the two"
            )


def _live_keys(settings: Settings) -> Iterator[Fault]:
    kite = settings.kite
    values = {
        "kite.api_key": kite.api_key,
        "kite.api_secret": kite.api_secret.get_secret_value(),
        "kite.user_id": kite.user_id,
    }
    yield from (
        Fault(key=key, sentence="is missing, live needs it") for key, value in values.items() if not value
    )


def _live_limits(settings: Settings) -> Iterator[Fault]:
    for limit in LIVE_LIMITS:
        if limit not in settings.risk.model_fields_set:
            yield Fault(key=f"risk.{limit}", sentence="is missing: live needs every limit written out by you")


def _live_market(settings: Settings) -> Iterator[Fault]:
    if settings.market.hours == "always" and settings.kite.api_url is None:
        yield Fault(
            key="market.hours", sentence='must be "exchange" when real orders can be placed (venue live)'
        )


def _readable_secrets(settings: Settings, path: Path | None) -> Iterator[Fault]:
    """With what can be done to the owner in the file: orders for real, or his own bot made to speak."""
    telegram = settings.telegram
    real_bot = bool(telegram.bot_token.get_secret_value()) and telegram.api_url is None
    if path is not None and ("live" in settings.venues() or real_bot) and readable_by_others(path):
        yield Fault(key="", sentence=f"{path}: other users can read your secrets; run: chmod 600 {path}")


def _database(settings: Settings) -> Iterator[Fault]:
    if settings.database_url is not None and (sentence := what_is_wrong(settings.database_url)):
        yield Fault(key="database_url", sentence=sentence)


def _exposed_file(path: Path | None) -> Iterator[Fault]:
    if path is not None and readable_by_others(path):
        yield Fault(key="", sentence=f"{path}: other users can read it; run: chmod 600 {path}")


def _awkward_secret(settings: Settings) -> Iterator[Fault]:
    secret = settings.webhook_secret
    if secret is not None and not _PATH_SAFE.fullmatch(secret.get_secret_value()):
        yield Fault(
            key="webhook_secret",
            sentence="has characters that must be percent-encoded in the webhook's address; letters, digits, "
            "- and _ work as they are",
        )


def _nobody_let_in(settings: Settings) -> Iterator[Fault]:
    if sentence := why_nobody_is_let_in(settings):
        yield Fault(key="server.allowed_ips", sentence=sentence)


def _public_without_secret(settings: Settings) -> Iterator[Fault]:
    if settings.webhook_secret is None and settings.server.public_url is not None:
        yield Fault(
            key="webhook_secret", sentence="is missing: anyone who finds server.public_url can send alerts"
        )
