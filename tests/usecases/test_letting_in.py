"""Where every alert would be turned away, the start and `manjha check` say so: no alert could."""

import pytest
from sqlalchemy import select

from gateway.assembly import Gateway
from gateway.checkup import check_up
from storage import tables
from tests.usecases.world import settings_of

TUNNELLED = {"port": 0, "allowed_ips": ["tradingview"]}
TRUSTED = {**TUNNELLED, "trusted_proxies": ["127.0.0.1"]}


def settings(folder, server):
    return settings_of(
        data_dir=folder / "data", server=server, phone={"port": 0}, webhook_secret="a-secret-of-these-tests"
    )


@pytest.mark.parametrize(("server", "told"), [(TUNNELLED, 1), (TRUSTED, 0)])
async def test_a_start_tells_the_owner_and_the_log(tmp_path, logged, server, told):
    gateway = Gateway(settings(tmp_path, server))
    await gateway.start()
    try:
        statement = select(tables.notices.c.text).where(tables.notices.c.text.contains("turned away"))
        texts = await gateway.database.read(lambda connection: list(connection.scalars(statement)))
    finally:
        await gateway.stop()
    assert len(texts) == told
    assert all("server.trusted_proxies" in text for text in texts)
    assert [line["event"] for line in logged].count("nobody_let_in") == told


@pytest.mark.parametrize(("server", "ok"), [(TUNNELLED, False), (TRUSTED, True)])
async def test_check_has_a_line_for_it(tmp_path, server, ok):
    lines = {line.name: line for line in await check_up(settings(tmp_path, server))}
    assert lines["senders"].ok is ok
    assert ("lets nobody in" in str(lines["senders"])) is not ok
