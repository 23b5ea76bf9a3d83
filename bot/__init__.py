"""The Telegram side of Manjha: the bot and the embedded phone."""
