"""Each event is told as its owner wishes: with sound, silent, or not at all; what must be heard stays."""

import pytest

from config.notices import NEVER_OFF, NoticeEvent
from config.rules import faults_in
from gateway.paper.faults import FaultKind
from storage import tables
from tests.usecases.test_approval import ask
from tests.usecases.test_reconciliation import news
from tests.usecases.world import buy, settings_of

PLACE = "POST /orders/*"


async def told(world, *words):
    """Loud or not, of each message with these words."""
    return [
        row.loud
        for row in await world.rows(tables.notices)
        if row.text and all(word in row.text for word in words)
    ]


@pytest.mark.parametrize(
    ("level", "heard"), [(None, [True]), ("on", [True]), ("silent", [False]), ("off", [])]
)
async def test_a_fill_is_told_as_wished(make_world, level, heard):
    world = await make_world(telegram={"notices": {"fill": level} if level else {}})
    await world.execute()
    alert_id = (await world.filled(buy())).row.id
    assert await told(world, "<b>Filled</b>") == heard
    assert await world.shown(alert_id) > 0, "its card says so all the same"


async def test_a_strategy_has_the_last_word(make_world):
    own = {"quiet": {"notices": {"refused": "off"}}, "loud": {"notices": {"refused": "on"}}}
    world = await make_world(telegram={"notices": {"refused": "silent"}}, strategies=own)
    for strategy in ("quiet", "loud", "other"):
        await world.reaches(await world.send(buy(strategy, lots=1000)), "refused")
    assert await told(world, "Refused") == [True, False]


async def test_what_is_quiet_can_be_made_heard(make_world):
    world = await make_world(telegram={"notices": {"duplicate": "on"}})
    await world.send(buy(), dedupe_key="k")
    await world.send(buy(), dedupe_key="k")
    assert await told(world, "Duplicate") == [True]


async def test_a_silent_question_is_still_a_question(make_world):
    world = await make_world(
        defaults={"approval": "confirm"}, telegram={"notices": {"question": "silent", "expired": "off"}}
    )
    alert_id = await ask(world)
    assert [row.loud for row in await world.rows(tables.notices)] == [False]
    world.clock.forward(seconds=61)
    await world.approvals._expire_due()
    assert await world.shown(alert_id) == 2, "the card says that its time is over, without a sound"
    assert {row.loud for row in await world.rows(tables.notices)} == {False}


async def test_an_unknown_outcome_is_told_in_words_that_say_what_to_do(world):
    world.fault(FaultKind.DROP, route=PLACE)
    await world.execute()
    await world.reaches(await world.send(buy()), "unknown", look=False)
    assert await told(world, "No clear answer", "nothing is sent again", "Do not order it by hand") == [True]


async def test_a_late_rejection_says_what_to_do(world):
    world.fault(FaultKind.FILL, quantity=0)
    await world.execute()
    await world.reaches(await world.send(buy()), "open")
    await world.reconciler.on_order(news((await world.orders())[-1], "REJECTED"))
    assert await told(world, "Rejected after it was accepted", "send a new alert or /buy") == [True]


@pytest.mark.parametrize("event", sorted(NEVER_OFF))
def test_what_must_be_heard_cannot_be_off(event):
    for changes, key in (
        ({"telegram": {"notices": {event: "off"}}}, f"telegram.notices.{event}"),
        ({"strategies": {"S": {"notices": {event: "off"}}}}, f"strategies.S.notices.{event}"),
    ):
        (fault,) = faults_in(settings_of(**changes), None)
        assert fault.key == key
        assert "cannot be off" in fault.sentence
    assert faults_in(settings_of(telegram={"notices": {event: "silent"}}), None) == []


def test_the_rest_can_be_off():
    wishes = dict.fromkeys(set(NoticeEvent) - NEVER_OFF, "off")
    assert faults_in(settings_of(telegram={"notices": wishes}), None) == []
