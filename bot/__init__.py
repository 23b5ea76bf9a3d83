"""The owner's phone: the Telegram bot, its cards and commands, and the page in Telegram's place."""

import os

# python-telegram-bot's coming way of saying how long to wait; else each RetryAfter brings a warning.
os.environ.setdefault("PTB_TIMEDELTA", "true")
