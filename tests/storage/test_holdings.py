"""What a strategy holds: built from fills alone, sold oldest first, its profit exact to the paisa."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.money import to_paise
from storage import holdings, orders
from tests.storage.rows import NOW, bought, later, said, selling

SYMBOL = "NIFTY26D0124000CE"
FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def held(connection, strategy="S", venue="paper", product="NRML"):
    return [row.quantity for row in holdings.of_contract(connection, venue, strategy, SYMBOL, product)]


def sell(connection, quantity, price, *, at=NOW, **changes):
    """Fills an exit whole; the profit it made, in paise."""
    row = selling(connection, quantity, **changes)
    orders.apply(connection, row.venue, said(row, "COMPLETE", quantity, price), at)
    return orders.fills_of(connection, [row.id])[0].realised_paise


def test_a_fill_opens_a_holding_and_the_next_of_its_order_makes_it_grow(connection):
    row = bought(connection, 65, "100")
    assert held(connection) == [65]
    orders.apply(connection, "paper", said(row, "COMPLETE", 130, "101"), NOW)
    (holding,) = holdings.open_(connection)
    assert (holding.quantity, holding.bought, holding.cost_paise) == (130, 130, to_paise(Decimal(101) * 130))


def test_the_oldest_is_sold_first_and_the_profit_is_counted_against_its_cost(connection):
    bought(connection, 65, "100")
    bought(connection, 65, "120")
    assert sell(connection, 65, "110") == 65 * 10_00
    assert held(connection) == [65]
    assert sell(connection, 65, "110") == -65 * 10_00
    assert held(connection) == []
    assert holdings.open_(connection) == []


def test_a_sale_over_two_holdings_costs_what_each_of_them_cost(connection):
    bought(connection, 65, "100")
    bought(connection, 130, "120")
    assert sell(connection, 130, "130") == 65 * 30_00 + 65 * 10_00
    assert held(connection) == [65]


@FIXTURE
@given(
    price=st.decimals(min_value=Decimal("0.05"), max_value=500, places=2),
    parts=st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_sold_in_any_parts_the_profits_add_up_to_proceeds_minus_cost(connection, price, parts):
    total = sum(parts)
    with connection.begin_nested() as savepoint:
        bought(connection, total, str(price))
        made = sum(sell(connection, part, "77.35") for part in parts)
        assert made == to_paise(Decimal("77.35") * 1) * total - to_paise(price * total)
        assert held(connection) == []
        savepoint.rollback()


def test_strategies_venues_and_products_hold_apart(connection):
    bought(connection, 65)
    bought(connection, 130, strategy="T")
    bought(connection, 195, venue="live")
    bought(connection, 260, product="MIS")
    assert held(connection) == [65]
    assert held(connection, strategy="T") == [130]
    assert held(connection, venue="live") == [195]
    assert held(connection, product="MIS") == [260]
    sell(connection, 65, "100", strategy="T")
    assert held(connection) == [65], "another strategy's sale takes nothing from this one"


def test_a_sale_beyond_the_holding_is_written_down_and_never_makes_it_negative(connection):
    bought(connection, 65, "100")
    assert sell(connection, 130, "100") == 65 * 100_00, "the surplus has no cost"
    assert held(connection) == []
    events = connection.exec_driver_sql(
        "SELECT detail FROM audit WHERE event = 'holding.oversold'"
    ).fetchall()
    assert [row.detail for row in events] == ['{"quantity":65}']


def test_what_was_realised_counts_from_a_moment_on_and_by_venue(connection):
    bought(connection, 65, "100")
    bought(connection, 65, "100", venue="live")
    sell(connection, 65, "90", at=NOW)
    sell(connection, 65, "80", at=later(hours=24), venue="live")
    assert holdings.realised_since(connection, NOW) == -65 * 30_00
    assert holdings.realised_since(connection, NOW, "paper") == -65 * 10_00
    assert holdings.realised_since(connection, later(hours=1)) == -65 * 20_00
    assert holdings.realised_since(connection, later(hours=25)) == 0


def test_open_holdings_are_listed_oldest_first(connection):
    bought(connection, 65, strategy="B")
    bought(connection, 130, strategy="A")
    assert [row.strategy for row in holdings.open_(connection)] == ["B", "A"]
    assert [row.quantity for row in holdings.open_(connection, "A")] == [130]
    assert holdings.open_(connection, venue="live") == []
