"""The bot's commands: one table; each knows its name, its line in the menu, and what it does."""

from bot.commands.about import LOGS, VERSION
from bot.commands.account import FUNDS, STRATEGIES
from bot.commands.alerts import ALERTS
from bot.commands.books import ORDERS, POSITIONS
from bot.commands.command import Command
from bot.commands.login import LOGIN
from bot.commands.overview import STATUS, help_command
from bot.commands.pnl import PNL
from bot.commands.safety import KILLSWITCH, RESUME
from bot.commands.switches import MODE, PAUSE, UNPAUSE
from bot.commands.trades import TRADES
from bot.commands.trading import BUY, SELL, SQUAREOFF

_COMMANDS = (
    *(STATUS, POSITIONS, ORDERS, TRADES, ALERTS, PNL, FUNDS, STRATEGIES),
    *(BUY, SELL, SQUAREOFF, PAUSE, UNPAUSE, MODE, KILLSWITCH, RESUME, LOGIN),
    *(LOGS, VERSION),
)
COMMANDS: tuple[Command, ...] = (
    help_command("start", "what this is, and what runs", _COMMANDS),
    *_COMMANDS,
    help_command("help", "all commands", _COMMANDS),
)

__all__ = ["COMMANDS", "Command"]
