"""Promise 3, the limits as rules: each with its edge, all refusals at once, none for an exit."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.domain.money import to_paise
from gateway.domain.order import Purpose, Side
from gateway.domain.quote import Quote
from gateway.risk import Proposal, Readings, World, judge, left_unjudged, rules_of, usages
from tests.usecases.world import LOT, settings_of

OPTIONAL = (
    *("max_consecutive_losses", "max_price_drift_percent", "max_spread_percent"),
    *("min_price", "entries_from", "entries_until"),
)
RULES = rules_of(
    settings_of(
        risk={
            "max_lots_per_order": 10,
            "max_premium_per_order": 20_000,
            "max_open_positions": 2,
            "max_orders_per_day": 5,
            "max_daily_loss": 1_000,
            "allowed_symbols": ["NIFTY"],
            "max_consecutive_losses": 3,
            "max_price_drift_percent": 10,
            "max_spread_percent": 5,
            "min_price": 20,
            "entries_from": "09:20",
            "entries_until": "14:45",
        }
    )
)
#: A market with both sides, an account with money, a price as it was.
READ = Readings(
    price=Decimal(100),
    quote=Quote(
        last_price=Decimal(100),
        bid=Decimal("99.50"),
        ask=Decimal("100.50"),
        lower_circuit=None,
        upper_circuit=None,
        volume=1,
        open_interest=1,
        at=None,
    ),
    available=to_paise(6_500),
)
FINE = World(
    kill_switch=False,
    halted=None,
    paused=None,
    market_open=True,
    past_square_off=False,
    session_alive=True,
    calendar_known=True,
    positions=frozenset(),
    orders_today=0,
    realised_today=to_paise(0),
    second_of_day=10 * 3600,
    readings=READ,
)
PROPOSAL = Proposal(
    purpose=Purpose.ENTRY,
    venue="paper",
    strategy="S",
    symbol="NIFTY",
    tradingsymbol="X",
    quantity=LOT,
    lot_size=LOT,
    orders=1,
    premium=Decimal(100),
    planned_at=Decimal(100),
    claimed=True,
)
TWO = frozenset({("paper", "A", "X"), ("paper", "B", "X")})


def quoted(bid, ask):
    assert READ.quote is not None
    sides = [None if side is None else Decimal(side) for side in (bid, ask)]
    return replace(READ, quote=replace(READ.quote, bid=sides[0], ask=sides[1]))


#: What stands against an entry: changes of the proposal, of the world, and the rule that says no.
AGAINST = {
    "kill switch": ({}, {"kill_switch": True}),
    "entries halted": ({}, {"halted": "IP"}),
    "Kite's orders a day": ({}, {"orders_today": 4_500}),
    "session": ({}, {"session_alive": False}),
    "pause": ({}, {"paused": "S"}),
    "market hours": ({}, {"market_open": False}),
    "trading calendar": ({"asked": False}, {"calendar_known": False}),
    "schedule.square_off": ({"squared_off": True}, {"past_square_off": True}),
    "risk.allowed_symbols": ({"symbol": "SENSEX"}, {}),
    "risk.max_lots_per_order": ({"quantity": 11 * LOT, "premium": Decimal(1)}, {}),
    "risk.max_premium_per_order": ({"premium": Decimal("307.70")}, {}),
    "risk.max_open_positions": ({}, {"positions": TWO}),
    "risk.max_orders_per_day": ({}, {"orders_today": 5}),
    "risk.max_daily_loss": ({}, {"realised_today": to_paise(-1_000)}),
    "risk.max_consecutive_losses": ({}, {"losses_in_a_row": 3}),
    "risk.entries_from": ({}, {"second_of_day": 9 * 3600 + 20 * 60 - 1}),
    "risk.max_price_drift_percent": ({"planned_at": Decimal(90)}, {}),
    "risk.max_spread_percent": ({}, {"readings": quoted(95, Decimal("100.01"))}),
    "risk.min_price": ({"planned_at": Decimal("19.95")}, {"readings": replace(READ, price=Decimal("19.95"))}),
    "margin available": ({}, {"readings": replace(READ, available=to_paise("6499.99"))}),
}


def names(proposal=PROPOSAL, world=FINE):
    return [verdict.rule for verdict in judge(RULES, proposal, world)]


def test_every_rule_has_its_row_here():
    assert {rule.name for rule in RULES} == AGAINST.keys()


def test_nothing_stands_against_a_fine_entry():
    assert names() == []


@pytest.mark.parametrize("rule", AGAINST)
def test_each_rule_refuses_an_entry(rule):
    proposal, world = AGAINST[rule]
    found = judge(RULES, replace(PROPOSAL, **proposal), replace(FINE, **world))
    assert rule in [verdict.rule for verdict in found]
    assert all(verdict.sentence for verdict in found)


def test_all_refusals_are_collected_not_only_the_first():
    proposal = replace(
        PROPOSAL,
        symbol="SENSEX",
        quantity=11 * LOT,
        premium=Decimal(1_000),
        squared_off=True,
        planned_at=Decimal(30),
    )
    world = World(
        kill_switch=True,
        halted="IP",
        paused="everything",
        market_open=False,
        past_square_off=True,
        session_alive=False,
        calendar_known=False,
        positions=TWO,
        orders_today=5_000,
        realised_today=to_paise(-5_000),
        losses_in_a_row=9,
        readings=replace(quoted(10, 20), price=Decimal(15)),
    )
    assert set(names(proposal, world)) == AGAINST.keys()


@pytest.mark.parametrize("rule", AGAINST)
@pytest.mark.parametrize("purpose", [Purpose.EXIT, Purpose.CLOSE])
def test_exits_are_held_by_no_limit_on_entries(rule, purpose):
    proposal, world = AGAINST[rule]
    stops_all = {"session", "market hours"} | ({"kill switch"} if purpose is Purpose.EXIT else set())
    found = names(replace(PROPOSAL, **proposal, purpose=purpose), replace(FINE, **world))
    assert found == ([rule] if rule in stops_all else [])


# each limit at its edge


@pytest.mark.parametrize(
    ("proposal", "world", "allowed"),
    [
        ({"quantity": 10 * LOT, "premium": Decimal(1)}, {}, True),
        ({"premium": Decimal("307.69")}, {"readings": replace(READ, available=to_paise(20_000))}, True),
        ({"premium": None}, {}, False),
        ({}, {"orders_today": 4}, True),
        ({"orders": 2}, {"orders_today": 4}, False),
        ({}, {"realised_today": to_paise("-999.99")}, True),
        ({}, {"realised_today": to_paise(5_000)}, True),
        ({}, {"positions": frozenset({("paper", "A", "X")})}, True),
        ({}, {"positions": frozenset({("paper", "A", "X"), ("paper", "S", "X")})}, True),
        ({}, {"positions": TWO}, False),
        ({}, {"open_gain": to_paise(-1_000)}, False),
        ({}, {"open_gain": to_paise("-999.99")}, True),
        ({}, {"realised_today": to_paise(-600), "open_gain": to_paise(-400)}, False),
        ({}, {"realised_today": to_paise(600), "open_gain": to_paise(-1_500)}, True),
        ({}, {"realised_today": to_paise(-1_000), "open_gain": to_paise(5_000)}, False),
        ({}, {"loss_limit_hit": to_paise(1_000)}, False),
        ({}, {"loss_limit_hit": to_paise(900)}, True),
        ({}, {"losses_in_a_row": 2}, True),
        ({}, {"second_of_day": 9 * 3600 + 20 * 60}, True),
        ({}, {"second_of_day": 14 * 3600 + 45 * 60 - 1}, True),
        ({}, {"second_of_day": 14 * 3600 + 45 * 60}, False),
        ({"planned_at": Decimal("90.91")}, {}, True),
        ({"planned_at": Decimal("111.11")}, {}, True),
        ({"planned_at": Decimal("111.12")}, {}, False),
        ({}, {"readings": quoted("97.6", "102.4")}, True),
        ({}, {"readings": quoted("97.4", "102.6")}, False),
        ({}, {"readings": quoted(None, 100)}, False),
        ({}, {"readings": quoted(100, None)}, False),
        ({}, {"readings": Readings()}, True),
        ({"margin": to_paise("6500.01")}, {}, False),
        ({"side": Side.SELL, "margin": to_paise(6_500)}, {}, True),
        ({"side": Side.SELL}, {}, True),
    ],
)
def test_a_limit_is_reached_and_not_passed(proposal, world, allowed):
    assert (names(replace(PROPOSAL, **proposal), replace(FINE, **world)) == []) is allowed


def test_what_could_not_be_read_is_no_refusal_and_is_said():
    proposal = replace(PROPOSAL, planned_at=None, premium=None, asked=True)
    world = replace(FINE, readings=Readings(), unpriced=("NIFTY26D0124000CE",))
    assert judge(RULES, proposal, world) == []
    said = " ".join(left_unjudged(RULES, proposal, world))
    for words in (
        "free margin",
        "max_price_drift_percent",
        "max_spread_percent",
        "min_price",
        "NIFTY26D0124000CE",
    ):
        assert words in said


def test_nothing_is_said_where_all_could_be_read_and_nothing_of_exits():
    assert left_unjudged(RULES, PROPOSAL, FINE) == []
    assert left_unjudged(RULES, replace(PROPOSAL, purpose=Purpose.EXIT), replace(FINE, unpriced=("X",))) == []


@pytest.mark.parametrize("rule", AGAINST)
def test_every_refusal_says_its_value_its_limit_and_what_changes_it(rule):
    proposal, world = AGAINST[rule]
    found = judge(RULES, replace(PROPOSAL, **proposal), replace(FINE, **world))
    [sentence] = [verdict.sentence for verdict in found if verdict.rule == rule]
    if rule.startswith("risk."):
        assert rule in sentence
        assert "restart" in sentence


def test_a_limit_that_is_null_has_no_rule():
    named = {rule.name for rule in rules_of(settings_of(risk=dict.fromkeys(OPTIONAL)))}
    assert named.isdisjoint(f"risk.{key}" for key in OPTIONAL)


def used(proposal=None, **world):
    return {usage.key: usage for usage in usages(RULES, replace(FINE, **world), proposal)}


def test_how_much_of_each_limit_the_day_has_used():
    found = used(
        positions=TWO,
        orders_today=3,
        realised_today=to_paise(-100),
        open_gain=to_paise(-150),
        losses_in_a_row=1,
    )
    assert {key.removeprefix("risk.max_"): usage.percent for key, usage in found.items()} == {
        "open_positions": 100,
        "orders_per_day": 60,
        "daily_loss": 25,
        "consecutive_losses": 34,
    }


def test_how_much_an_order_would_use_itself_counted_once():
    mine = frozenset({("paper", "S", "X")})
    found = used(PROPOSAL, positions=mine, orders_today=3)
    assert found["risk.max_open_positions"].used == 1
    assert found["risk.max_orders_per_day"].used == 4
    assert found["risk.max_lots_per_order"].percent == 10
    premium = found["risk.max_premium_per_order"]
    assert (premium.used, premium.limit, premium.money) == (to_paise(6_500), to_paise(20_000), True)


def test_a_day_that_gains_has_used_nothing_of_its_loss():
    assert used(realised_today=to_paise(900))["risk.max_daily_loss"].percent == 0
