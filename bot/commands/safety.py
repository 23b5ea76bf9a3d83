"""/killswitch and /resume."""

from collections.abc import Sequence

from telegram import Update

from bot.access import name_of
from bot.buttons import CANCEL, STOP, STOP_AND_FLATTEN, WHOLE_ACCOUNT
from bot.commands.command import Command, reply
from bot.keyboard import Button, inline
from bot.ports import Ports
from bot.words import ask_for_the_word


async def _ask(_ports: Ports, update: Update, _words: Sequence[str]) -> None:
    buttons = [
        [Button(label="🛑 Stop", data=STOP, style="danger")],
        [Button(label="🛑 Stop and flatten", data=STOP_AND_FLATTEN, style="danger")],
        [Button(label="☢️ Whole account: close everything in it", data=WHOLE_ACCOUNT, style="danger")],
        [Button(label="Cancel", data=CANCEL)],
    ]
    text = (
        "<b>Stop everything?</b>\nEntries and exits from alerts are refused, open questions become void, "
        "working orders are cancelled. <b>Stop</b> leaves what is held, <b>Stop and flatten</b> sells it. "
        "<b>Whole account</b> closes also what Manjha does not hold: option positions, orders and GTTs made "
        "by hand. Only /resume ends it."
    )
    await reply(update, text, inline(buttons))


async def _resume(ports: Ports, update: Update, _words: Sequence[str]) -> None:
    async def resume() -> str:
        was_on = await ports.kill_switch.lift(name_of(update))
        return "Resumed." if was_on else "The kill switch is not on."

    if ports.factor.is_on:
        await ask_for_the_word(ports, update, resume)
    elif not await ports.kill_switch.lift(name_of(update)):
        await reply(update, "The kill switch is not on.")


KILLSWITCH = Command(name="killswitch", summary="stop everything, after a confirmation", run=_ask)
RESUME = Command(name="resume", summary="lift the kill switch", run=_resume, perishable=True)
