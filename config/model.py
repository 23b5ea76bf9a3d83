"""The whole configuration as one frozen model."""

from pathlib import Path
from typing import Any

from pydantic import Field

from config import fields as f
from config.notices import NoticeEvent, NoticeLevel
from config.sections import (
    Backup,
    Defaults,
    Kite,
    Market,
    Phone,
    Risk,
    Schedule,
    Section,
    Server,
    Strategy,
    StrategySettings,
    Telegram,
)


class Settings(Section):
    """Everything the owner can set; Manjha's configuration file has exactly these keys."""

    webhook_secret: f.WebhookSecret | None = Field(
        default=None,
        description="Long random text that proves an alert is yours; live needs 16 characters or more. "
        "Without it: only a loopback server.host, only paper.",
    )
    venue: f.Venue = Field(
        default="paper", description="paper: the embedded exchange. live: real orders at Kite."
    )
    data_dir: Path = Field(
        default=Path("data"), description="Where the database lives; relative to the working directory."
    )
    log_dir: Path = Field(
        default=Path("logs"), description="Where app.log lives; relative to the working directory."
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="sqlite:///PATH, or postgresql+psycopg://... (its driver is not installed with Manjha, "
        "and backups are the server's own); null: SQLite in data_dir.",
    )
    server: Server = Field(default=Server(), description=Server.__doc__)
    kite: Kite = Field(default=Kite(), description=Kite.__doc__)
    telegram: Telegram = Field(default=Telegram(), description=Telegram.__doc__)
    market: Market = Field(default=Market(), description=Market.__doc__)
    defaults: Defaults = Field(default=Defaults(), description=Defaults.__doc__)
    strategies: dict[f.StrategyName, Strategy] = Field(
        default={}, description="Each strategy's own settings, by the name its alerts carry."
    )
    risk: Risk = Field(default=Risk(), description=Risk.__doc__)
    schedule: Schedule = Field(default=Schedule(), description=Schedule.__doc__)
    backup: Backup = Field(default=Backup(), description=Backup.__doc__)
    phone: Phone = Field(default=Phone(), description=Phone.__doc__)

    @property
    def backup_dir(self) -> Path:
        """Where the copies of the database stand."""
        return self.backup.dir or self.data_dir / "backups"

    def known_strategy(self, name: str) -> bool:
        """Whether the configuration names this strategy (exactly so)."""
        return name in self.strategies

    def strategy(self, name: str) -> StrategySettings:
        """The settings `name` trades with: its own over the defaults; unknown names have the defaults."""
        own = self.strategies.get(name, Strategy())
        values: dict[str, Any] = {**dict(self.defaults), "venue": self.venue}
        known = StrategySettings.model_fields  # how it is told (notices) is no part of how it trades
        values |= {key: value for key, value in own if value is not None and key in known}
        return StrategySettings(name=name, **values)

    def notice_level(self, event: NoticeEvent, strategy: str | None) -> NoticeLevel | None:
        """How the owner wants this event told, of this strategy or of none; None: he has not said."""
        own = self.strategies.get(strategy) if strategy is not None else None
        said = own.notices.get(event) if own is not None else None
        return said or self.telegram.notices.get(event)

    def venues(self) -> set[f.Venue]:
        """Every venue in use. A disabled strategy counts: what it still holds is closed where it is held."""
        return {self.venue, *(own.venue for own in self.strategies.values() if own.venue is not None)}
