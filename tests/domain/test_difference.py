"""What a net position leaves of our longs and shorts in one contract."""

import pytest

from gateway.domain.difference import Together, shown
from gateway.domain.order import Side

CASES = [
    # longs alone, shorts alone: the net is theirs
    (Together(longs=130), 130, (0, 0)),
    (Together(longs=130), 65, (65, 0)),
    (Together(longs=130), -65, (195, 0)),
    (Together(shorts=65), -65, (0, 0)),
    (Together(shorts=65), 0, (0, 65)),
    # both: each explains what the net has less of the other
    (Together(longs=65, shorts=65), 0, (0, 0)),
    (Together(longs=130, shorts=65), 65, (0, 0)),
    (Together(longs=65, shorts=65), -65, (65, 0)),
    (Together(longs=65, shorts=65), 65, (0, 65)),
    # what is being closed explains nothing: its fill may be in the net, and not in our book
    (Together(longs=65, shorts=65, buying=65), 0, (65, 0)),
    (Together(longs=65, shorts=65, buying=65), 65, (0, 65)),
    (Together(longs=65, shorts=65, selling=65), 0, (0, 65)),
    # the account's own orders close more than is ours
    (Together(longs=65, buying=130), 65, (0, 0)),
]


@pytest.mark.parametrize(("ours", "net", "lacking"), CASES)
def test_what_the_account_may_lack(ours: Together, net: int, lacking: tuple[int, int]) -> None:
    assert (ours.lacking(Side.BUY, net), ours.lacking(Side.SELL, net)) == lacking


def test_a_fill_while_the_positions_are_read_is_taken_for_the_worse() -> None:
    """Of two longs one was sold by hand, and the other's exit was filled meanwhile: nothing is left."""
    found = shown(65, (Together(longs=130), Together(longs=65)))
    assert (found.net, found.lacking(Side.BUY), found.lacking(Side.SELL)) == (65, 65, 0)
