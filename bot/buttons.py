"""What a press does. Button data are opaque ids; the rows they name decide, not the message they hang on."""

from telegram import CallbackQuery, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot.access import name_of
from bot.difference_card import DIFFERENCE
from bot.kept_card import KEPT
from bot.ports import Ports
from bot.words import ask_for_the_word
from gateway.domain.checkpoints import checkpoint
from gateway.questions import Change

#: The kill switch's confirmation.
STOP, STOP_AND_FLATTEN, WHOLE_ACCOUNT, CANCEL = "k:stop", "k:flatten", "k:account", "k:cancel"
#: Approve, reject, another size, pause the strategy.
_QUESTION = frozenset("arzp")
#: It is there, it is not there, send again as a new order.
_UNKNOWN = frozenset("yns")
_NOT_KNOWN = "This button is not known any more."


class Buttons:
    """Answers every press; only a state change in the database counts as done."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def __call__(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """One press by an owner (the guard has let it through)."""
        query = update.callback_query
        if query is None:
            return
        checkpoint("press.received")
        sentence = await self._act(query.data or "", name_of(update), query, update)
        try:
            await query.answer(sentence[:200])
            checkpoint("press.answered")
        except BadRequest:
            # Too old to be answered; the action itself is done all the same (facts/telegram.md 1.2).
            return

    async def _act(self, data: str, by: str, query: CallbackQuery, update: Update) -> str:
        kind, _, key = data.partition(":")
        if kind in _QUESTION:
            return await self._on_question(kind, key, by, update)
        if kind in _UNKNOWN:
            return await self._answer_unknown(kind, key, by)
        if data in (STOP, STOP_AND_FLATTEN, WHOLE_ACCOUNT):
            return await self._stop(data, by, query)
        if kind == "f":
            day, _, seq = key.partition(":")
            if not seq.isdecimal():
                return _NOT_KNOWN
            return await self._ports.square_off.keep(day, int(seq), by)
        if kind == KEPT:
            return await self._on_kept_exit(key, by)
        if kind == DIFFERENCE:
            return await self._adopt(key, by)
        if kind in ("c", "x"):
            return await self._confirmed(kind == "c", key, by, query)
        if data == CANCEL:
            await query.edit_message_text("Nothing was stopped.")
            return "Nothing was stopped."
        return _NOT_KNOWN

    async def _on_kept_exit(self, key: str, by: str) -> str:
        """Sell it now, or leave it."""
        alert_id, _, answer = key.partition(":")
        kept = self._ports.kept_exits
        return await (kept.sell(alert_id, by) if answer == "s" else kept.leave(alert_id, by))

    async def _adopt(self, key: str, by: str) -> str:
        """What the owner says of a difference: its id, the answer's letter, the strategy's number."""
        difference_id, _, rest = key.partition(":")
        answer, _, number = rest.partition(":")
        if number and not number.isdecimal():
            return _NOT_KNOWN
        return await self._ports.adoption.answer(difference_id, answer, int(number or 0), by)

    async def _on_question(self, kind: str, key: str, by: str, update: Update) -> str:
        """`key` is the approval, the version of the card that was pressed, and what else the button says."""
        approval_id, _, rest = key.partition(":")
        version, _, change = rest.partition(":")
        questions = self._ports.questions
        if kind == "r":  # of whatever version: nothing is sent by it
            return (await self._ports.approvals.decide(approval_id, approve=False, by=by)).sentence
        if kind == "p":
            return (await questions.pause(approval_id, by)).sentence
        if not version.isdecimal():
            return "This button is too old: use those of the newest card."
        if kind == "a":

            async def approve() -> str:
                return (await questions.approve(approval_id, int(version), by)).sentence

            factor = self._ports.factor
            if factor.guards_orders and factor.covers(await questions.premium_total(approval_id)):
                return await ask_for_the_word(self._ports, update, approve)
            return await approve()
        if change not in set(Change):
            return _NOT_KNOWN
        return (await questions.resize(approval_id, int(version), Change(change), by)).sentence

    async def _stop(self, data: str, by: str, query: CallbackQuery) -> str:
        """The switch first; that the buttons go is a nicety."""
        flatten, whole = data != STOP, data == WHOLE_ACCOUNT
        await self._ports.kill_switch.throw(by, flatten=flatten, whole_account=whole)
        await query.edit_message_reply_markup(None)
        if not flatten:
            return "Stopped."
        what = "everything in the account" if whole else "everything held"
        return f"Stopped; {what} is being closed."

    async def _confirmed(self, yes: bool, word: str, by: str, query: CallbackQuery) -> str:
        meant = self._ports.confirmations.take(word)
        await query.edit_message_reply_markup(None)
        if not yes:
            return "Nothing is closed."
        if meant is None:
            return "This question is too old: ask again."
        await self._ports.close(meant, by)
        return "Closing."

    async def _answer_unknown(self, kind: str, intent_id: str, by: str) -> str:
        unknown = self._ports.unknown
        if kind == "y":
            return await unknown.it_is_there(intent_id)
        if kind == "n":
            return await unknown.it_is_not_there(intent_id, by)
        return await unknown.send_again(intent_id, by)
