"""`manjha init`: the few questions, each with a default, and the configuration they make."""

import getpass
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from config.sections import Risk
from config.settings import DEFAULT_PATH, ConfigurationError, Settings, load_settings
from gateway.practice import EXAMPLE_ALERT
from gateway.telegram_probe import Probe

#: Where the secrets of a configuration that was written over are kept.
OLD = ".old"
_YES = {"y", "yes", "j", "ja", "haan"}
_LIVE_KEYS = {
    "api_key": "Kite Connect API key (developers.kite.trade, your app)",
    "api_secret": "Its API secret",
    "user_id": "Your Zerodha user id, such as AB1234",
}
_LIMITS = {
    "max_lots_per_order": "lots in one order, at most",
    "max_premium_per_order": "rupees of premium in one order, at most",
    "max_open_positions": "contracts held at once, at most",
    "max_orders_per_day": "entries a day, at most",
    "max_daily_loss": "rupees lost in a day at which no more is bought",
}

Say = Callable[[str], None]


class Left(Exception):
    """The owner does not want to go on; nothing was written."""


class Questions:
    """Asks on the terminal; a piped file answers line by line, and where it ends, every default is taken."""

    def __init__(self, say: Say = print) -> None:
        self._say = say
        self.on_terminal = sys.stdin.isatty()

    def ask(self, question: str, default: str = "", *, secret: bool = False) -> str:
        """The answer, trimmed; the default for an empty one."""
        shown = f"{question} [{default}]: " if default else f"{question}: "
        try:
            if secret and self.on_terminal:
                return getpass.getpass(shown).strip() or default
            answer = input(shown).strip()
        except EOFError:
            answer = ""
        if not self.on_terminal:
            self._say("")  # a piped answer shows no line end of its own
        return answer or default

    def agree(self, question: str, default: bool) -> bool:
        """Yes or no."""
        answer = self.ask(question + " (yes/no)", "yes" if default else "no")
        return answer.lower() in _YES

    def needed(self, question: str, *, secret: bool = False) -> str:
        """An answer that has no default; asked again on a terminal, given up where nobody is asked."""
        while not (answer := self.ask(question, secret=secret)):
            if not self.on_terminal:
                raise Left(f"{question}: live needs it.")
            self._say("It is needed for live.")
        return answer


def write_configuration(
    path: Path | None, questions: Questions, environ: Mapping[str, str], say: Say
) -> Path:
    """Asks, checks the answers as `manjha run` would, and writes the file (0600) as a whole or not at all.

    Raises Left, ConfigurationError, OSError.
    """
    target = path or DEFAULT_PATH
    say(f"This writes {target}. Enter takes what stands in [brackets]; every key can be changed there later.")
    if target.exists() and not questions.agree(f"{target} is there already. Write a new one?", default=False):
        raise Left(f"{target} is left as it was.")
    tree = _tree(questions, Probe(environ.get("MANJHA_TELEGRAM__API_URL")), say)
    _write(target, tree, environ)
    return target


def _tree(questions: Questions, probe: Probe, say: Say) -> dict[str, Any]:
    live = questions.ask("Where shall orders go, paper or live?", "paper").lower() == "live"
    tree: dict[str, Any] = {
        "$schema": "./config.schema.json",
        "webhook_secret": secrets.token_urlsafe(24),
        "venue": "live" if live else "paper",
        "market": {"hours": "exchange" if live else "always"},
        "telegram": _telegram(questions, probe, say),
        "server": _server(questions),
        "defaults": {"approval": "confirm"},
    }
    if live:
        tree["kite"] = {
            key: questions.needed(question, secret=key == "api_secret")
            for key, question in _LIVE_KEYS.items()
        }
    tree["risk"] = _risk(questions, live)
    return tree


def _telegram(questions: Questions, probe: Probe, say: Say) -> dict[str, Any]:
    question = "Your Telegram bot's token from @BotFather (Enter: a phone page in your browser instead)"
    while token := questions.ask(question, secret=True):
        name = probe.name_of(token)
        if name.known:
            say(name.sentence)
            return {"bot_token": token, "owner_ids": [_owner(questions, probe, token, say)]}
        say(name.sentence)
        if not questions.on_terminal:
            raise Left("The token was not accepted.")
    return {"bot_token": "", "owner_ids": []}


def _owner(questions: Questions, probe: Probe, token: str, say: Say) -> int:
    question = "Your numeric Telegram id (Enter: write the bot any message now, and it is found)"
    while True:
        answer = questions.ask(question)
        if answer.isdecimal() and int(answer) > 0:
            return int(answer)
        if answer:
            say("That is no numeric id; @userinfobot tells you yours.")
        elif (sender := probe.first_sender(token)) is None:
            say("Nobody has written to the bot yet.")
        elif questions.agree(f"{sender.name} wrote to it (id {sender.user_id}). Is that you?", default=True):
            return sender.user_id
        if not questions.on_terminal:
            raise Left("Without your Telegram id the bot would hear nobody.")


def _server(questions: Questions) -> dict[str, Any]:
    url = questions.ask("The https address TradingView will reach this machine at (Enter: none yet)")
    return {"public_url": url.rstrip("/") if url else None}


def _risk(questions: Questions, live: bool) -> dict[str, Any]:
    """Live needs each limit written out by the owner; on paper the defaults are no danger."""
    limits = Risk()
    values: dict[str, Any] = {}
    for key, question in _LIMITS.items():
        default = getattr(limits, key)
        values[key] = _number(questions.ask(f"Limit: {question}", str(default)) if live else str(default))
    symbols = ",".join(limits.allowed_symbols)
    named = questions.ask("Underlyings that may be bought", symbols) if live else symbols
    return {**values, "allowed_symbols": [name.strip() for name in named.split(",") if name.strip()]}


def _number(text: str) -> int | float | str:
    """As JSON writes it; what is no number is left for the settings to refuse by its key."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    return int(value) if value == value.to_integral_value() else float(value)


def _write(target: Path, tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(tree, indent=2) + "\n")
        load_settings(fresh, environ)
        if target.exists():
            target.replace(target.with_name(target.name + OLD))
        fresh.replace(target)
    except (ConfigurationError, OSError):
        fresh.unlink(missing_ok=True)
        raise


def next_steps(settings: Settings, target: Path) -> str:
    """What to do now; shows the webhook's address with its secret, on this terminal alone."""
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    root = settings.server.public_url or f"http://{settings.server.host}:{settings.server.port}"
    local = f"http://127.0.0.1:{settings.server.port}/webhook/tradingview/{secret}"
    run = "manjha run" if target == DEFAULT_PATH else f"manjha run --config {target}"
    lines = [
        "Next:",
        f"  {run}" + ("      (or: make run)" if target == DEFAULT_PATH else ""),
        f"  TradingView's webhook URL: {root}/webhook/tradingview/{secret}",
    ]
    if settings.server.public_url is None:
        lines.append("  It reaches this machine alone as yet: docs/deploy.md says how TradingView can.")
    if "live" not in settings.venues():
        lines.append(f"  An alert by hand: curl {local} -d '{EXAMPLE_ALERT}'")
    else:
        lines.append("  manjha check, then the list in docs/operations.md, before the first live alert.")
    return "\n".join(lines)
