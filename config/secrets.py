"""Which of the settings are secret: what no log line, message or page may carry."""

from urllib.parse import unquote, urlsplit

from config.settings import Settings


def secret_values(settings: Settings) -> frozenset[str]:
    """Every secret in `settings`, as it stands there; empty ones left out."""
    values = {
        settings.kite.api_key,
        settings.kite.api_secret.get_secret_value(),
        settings.telegram.bot_token.get_secret_value(),
        settings.webhook_secret.get_secret_value() if settings.webhook_secret else "",
        settings.telegram.second_factor_word.get_secret_value()
        if settings.telegram.second_factor_word
        else "",
        *_database_passwords(settings.database_url),
    }
    return frozenset(values - {""})


def _database_passwords(url: str | None) -> set[str]:
    """As written and percent-decoded: an error of the driver may show either."""
    password = urlsplit(url or "").password or ""
    return {password, unquote(password)}
