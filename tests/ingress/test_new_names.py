"""A strategy the configuration does not name has the defaults, and its owner hears of it once."""

from pathlib import Path

from tests.ingress.conftest import BUY, House, running, settings, until


async def send(house: House, strategy: str | None, number: int = 0) -> int:
    return (await house.post({**BUY, "strategy": strategy, "id": f"{strategy}-{number}"})).status


async def test_a_new_name_is_told_once_even_across_a_restart(tmp_path: Path) -> None:
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    made = settings(strategies={"RSI Divergence": {}})
    async with running(tmp_path, made, tell=tell) as house:
        for number in range(3):
            assert await send(house, "RSI <Divergense>", number) == 200
        assert await send(house, "RSI Divergence") == 200
        assert await send(house, None) == 200
        await until(lambda: told)
    assert len(told) == 1
    assert "RSI &lt;Divergense&gt;" in told[0]
    assert "Did you mean <b>RSI Divergence</b>?" in told[0]
    async with running(tmp_path, made, tell=tell) as house:
        await send(house, "RSI <Divergense>", 4)
        await send(house, "Another")
        await until(lambda: len(told) == 2)
    assert "Another" in told[1]
