"""Two owners, two phones: one changes the size, the other approves; one order, and both see whose word."""

from tests.acceptance.stage import OWNER, SEED_ALERT, Stage

OTHER = 4343


async def on_both(stage: Stage, *words: str) -> dict[int, int]:
    """The card with these words, by owner."""
    found: dict[int, int] = {}

    async def there() -> bool:
        found.clear()
        for message in await stage.messages():
            if message["from_bot"] and all(word in message["text"] for word in words):
                found.setdefault(message["chat_id"], message["message_id"])
        return found.keys() == {OWNER, OTHER}

    await stage.until(there, f"{words} on both phones")
    return found


async def test_one_changes_the_size_the_other_approves_and_both_see_who(stage: Stage) -> None:
    await stage.open(
        telegram={"owner_ids": [OWNER, OTHER]},
        defaults={"approval_timeout_seconds": 120, "max_price_drift": 1000},
    )
    await stage.start_gateway()
    await stage.log_in()
    answer = await stage.alert({**SEED_ALERT, "quantity": 130, "stop_loss": "-20%"})
    cards = await on_both(stage, "Approve?", "2 lots = 130 units", "Worst loss", "spread", "orders 1/")
    await stage.press("Half", message_id=cards[OTHER], **{"from": OTHER})
    assert await on_both(stage, "Approve?", "1 lot = 65 units", "2 → 1 lot, by") == cards
    await stage.press("Approve", message_id=cards[OWNER])
    await stage.settled(answer["alert_id"], "filled")
    assert await on_both(stage, "Filled", "Approved by", f"({OWNER})") == cards
    (order,) = [row for row in (await stage.book())["orders"] if row["transaction_type"] == "BUY"]
    assert order["quantity"] == 65
