"""The owner's phone: the Telegram bot, its cards and commands, and the embedded page that can take Telegram's place."""
