"""The day's picture goes through the outbox: kept until Telegram has taken it, never lost unsaid."""

from datetime import date
from typing import Any, cast

import pytest

from bot.album import KEPT, Album
from bot.drawing import Drawings
from bot.phone import FaultKind
from tests.bot.outbox.stage import OWNER
from tests.phone.pictures import png

DAY = date(2026, 11, 25)


class Pictures:
    """Draws one pixel, or nothing."""

    picture: bytes | None = png(1, 1)

    async def draw(self, venue: str, day: date) -> bytes | None:
        return self.picture


@pytest.fixture
def album(stage, tmp_path):
    made = Album(tmp_path / "pictures", cast(Any, Pictures()))
    for courier in stage.sender._couriers:
        post = courier._post
        drawings = Drawings(stage.database, cast(Any, None), lambda: stage.now, cast(Any, None), made)
        object.__setattr__(post, "drawings", drawings)
    return made


def photos(stage):
    return [m for m in stage.phone.messages(OWNER) if m.content.attachment is not None]


async def test_a_picture_arrives_after_telegram_was_down(stage, album):
    stage.fault(FaultKind.DROP_BEFORE, "sendPhoto", times=2)
    assert await album.keep("paper", DAY)
    await stage.tell("the figures")
    await stage.show(f"picture:paper:{DAY}")
    await stage.settled()
    for _ in range(6):
        await stage.forward(40)
    (photo,) = photos(stage)
    assert photo.content.text == "📈 PAPER · Wed 25 Nov"
    assert stage.phone.messages(OWNER)[0].content.text == "the figures"


async def test_a_picture_that_is_gone_is_said(stage, album):
    await stage.show(f"picture:paper:{DAY}")
    await stage.settled()
    (message,) = stage.phone.messages(OWNER)
    assert "could not be drawn" in message.content.text
    assert f"/pnl {DAY}" in message.content.text


async def test_the_album_keeps_the_newest_and_only_for_its_owner(album, tmp_path):
    for number in range(1, KEPT + 3):
        assert await album.keep(
            "paper", date(2026, 1, 1).replace(month=1 + number // 29, day=1 + number % 28)
        )
    files = sorted((tmp_path / "pictures").iterdir())
    assert len(files) == KEPT
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


async def test_no_picture_is_kept_where_none_can_be_drawn(album, tmp_path):
    album._pictures.picture = None
    assert not await album.keep("paper", DAY)
    (tmp_path / "in the way").write_text("a file")
    blocked = Album(tmp_path / "in the way", cast(Any, Pictures()))
    assert not await blocked.keep("paper", DAY)
    assert await blocked.find("paper", DAY) is None
