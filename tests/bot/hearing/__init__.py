"""How what the owners say and press reaches the gateway, through the real python-telegram-bot."""
