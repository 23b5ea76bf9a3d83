"""The owner's phone: Telegram's or the embedded page's Bot API, the bot before it, the outbox's sender."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bot.album import Album
from bot.app import TelegramBot
from bot.charts import Charts
from bot.confirmations import Confirmations
from bot.day_picture import DayPictures
from bot.drawing import Drawings
from bot.embedded import embedded_phone
from bot.notices import Sender
from bot.pace import Pace
from bot.phone.server import PhoneServer
from bot.ports import Ports
from bot.second_factor import SecondFactor
from config.logs import add_secret
from config.settings import Settings
from config.telegram import telegram_limits
from gateway.assembly.ground import Ground
from gateway.assembly.lines import Lines
from gateway.assembly.trading import Trading
from gateway.ingress.door import TelegramDoor
from gateway.paper.server import PaperServer
from gateway.venue_line import plain_url

TELEGRAM_API = "https://api.telegram.org"


def _factor(settings: Settings) -> SecondFactor:
    word = settings.telegram.second_factor_word
    above = settings.telegram.second_factor_above_premium
    return SecondFactor(word=word.get_secret_value() if word else None, above=above)


@dataclass(frozen=True, kw_only=True)
class About:
    """What the bot says of the gateway itself: since when it serves, which version, where it listens."""

    started_at: datetime
    version: str
    address: Callable[[], str]


class Telephone:
    """Built and started by `connect`; `trouble` is what stands between the owner and the gateway."""

    def __init__(self, ground: Ground, about: About) -> None:
        self._ground = ground
        self._about = about
        self.page: PhoneServer | None = None

    async def connect(
        self,
        trading: Trading,
        lines: Lines,
        paper: PaperServer | None,
        submit_words: Callable[[str, str], Awaitable[str]],
    ) -> None:
        """Starts the embedded page where it takes Telegram's place, and adds bot and sender to the parts."""
        ground = self._ground
        token, api_url = await self._api(paper)
        # Each its own: what the owner asks for is given up when the bot is rebuilt, the day's picture is not.
        fonts = ground.settings.data_dir / "matplotlib"
        pictures = DayPictures(ground.database, trading.profits, Charts(fonts))
        daily = DayPictures(ground.database, trading.profits, Charts(fonts))
        self.album = Album(ground.settings.data_dir / "pictures", daily)
        ports = Ports(
            settings=ground.settings,
            database=ground.database,
            approvals=trading.approvals,
            questions=trading.questions,
            kill_switch=trading.kill_switch,
            unknown=trading.unknown,
            square_off=trading.square_off,
            profits=trading.profits,
            pictures=pictures,
            limits=trading.limits,
            adoption=trading.adoption,
            kept_exits=trading.kept_exits,
            confirmations=Confirmations(),
            factor=_factor(ground.settings),
            submit_words=submit_words,
            close=trading.close,
            venues=lines.access,
            clock=ground.clock,
            started_at=self._about.started_at,
            version=self._about.version,
        )
        pace = Pace(limits=telegram_limits())
        self._sender = Sender(
            token,
            api_url,
            ground.outbox.chat_ids,
            ground.database,
            ground.wakeups.outbox,
            Drawings(ground.database, trading.square_off, ground.clock, lines.reminder, self.album),
            pace,
            ground.clock,
        )
        self._bot = TelegramBot(
            token, api_url, ground.owner_ids, ports, pace, self._sender.retry_now, ground.tell
        )
        ground.parts.extend([("telegram", self._bot.run), ("outbox", self._sender.run)])

    async def _api(self, paper: PaperServer | None) -> tuple[str, str]:
        """Token and Bot API root: Telegram's, or the embedded phone's."""
        telegram = self._ground.settings.telegram
        token = telegram.bot_token.get_secret_value()
        if token:
            return token, plain_url(telegram.api_url) or TELEGRAM_API
        token, self.page = embedded_phone(
            self._ground.settings,
            min(self._ground.owner_ids),
            self._about.address,
            spot=paper.spot if paper else None,
            market_view=paper.view if paper else None,
        )
        add_secret(token)
        await self.page.start()
        return token, self.page.api_url

    def trouble(self) -> str | None:
        """Why messages may not reach the owner at present; None when they do."""
        return self._sender.trouble or self._bot.trouble

    def silence(self) -> float | None:
        """Seconds since Telegram (or the page) last answered; None before it did."""
        return self._bot.silence

    @property
    def hears(self) -> bool:
        """Whether the owner's updates arrive."""
        return self._bot.trouble is None

    @property
    def webhook(self) -> TelegramDoor | None:
        """What the gateway's door needs where Telegram brings the updates; None where they are asked for."""
        webhook = self._bot.webhook
        return TelegramDoor(secret=webhook.secret, take=webhook.take) if webhook else None

    @property
    def page_url(self) -> str | None:
        """Where the embedded page is; None when Telegram serves."""
        return self.page.url if self.page else None

    async def stop(self) -> None:
        """Ends the embedded page; bot and sender have ended with their tasks."""
        await self._sender.close()
        if self.page:
            await self.page.stop()
