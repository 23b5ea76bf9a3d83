"""The owner's phone: the Telegram bot, its cards and commands, and the page in Telegram's place."""
