"""The embedded phone: a Bot API server and a web page that takes Telegram's place."""

from bot.phone.callbacks import Press
from bot.phone.composer import AlertReply
from bot.phone.faults import Fault, FaultKind
from bot.phone.message import Message
from bot.phone.phone import UnknownButtonError
from bot.phone.server import PhoneServer

__all__ = ["AlertReply", "Fault", "FaultKind", "Message", "PhoneServer", "Press", "UnknownButtonError"]
