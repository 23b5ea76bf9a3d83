"""The outbox's way to Telegram: the real python-telegram-bot against the phone's Bot API."""
