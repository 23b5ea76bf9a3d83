"""Every body of the guide that the seed came with, as TradingView would deliver it, is understood."""

from decimal import Decimal

import pytest

from gateway.domain.errors import InvalidAlert
from gateway.domain.signal import Action, StrikeKind
from gateway.ingress.payload import parse_body

GUIDE = """
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": {{close}},
  "quantity": 50,
  "strategy": "My Strategy"
}
--- 24013.45
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "PE",
  "strike": {{close}},
  "quantity": 50,
  "strategy": "My Strategy"
}
--- 24013.45
{
  "action": "SELL",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": {{close}},
  "quantity": 50,
  "strategy": "My Strategy"
}
--- 24013.45
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": {{close}},
  "quantity": 50,
  "stop_loss": {{close}} * 0.95,
  "target": {{close}} * 1.10
}
--- 24013.45
{
    "action": "BUY",
    "symbol": "NIFTY",
    "option_type": "CE",
    "strike": 24000,
    "quantity": 50
  }
--- 24000
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": 24000,
  "quantity": 50,
  "expiry": "2024-01-25",
  "stop_loss": 140.0,
  "target": 180.0,
  "strategy": "RSI Divergence"
}
--- 24000
{
  "action": "BUY",
  "symbol": "BANKNIFTY",
  "option_type": "PE",
  "strike": 48000,
  "quantity": 25,
  "strategy": "Price Strength Crossover"
}
--- 48000
{
  "action": "SELL",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": 24000,
  "quantity": 50
}
--- 24000
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": 24000,
  "quantity": 50,
  "strategy": "Strategy A"
}
--- 24000
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": {{close}} + 100,
  "quantity": 50
}
--- 24113.45
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": 24000,
  "quantity": 50,
  "stop_loss": 140.0,
  "target": 180.0
}
--- 24000
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "CE",
  "strike": {{close}},
  "quantity": 50
}
--- 24013.45
{
  "action": "BUY",
  "symbol": "NIFTY",
  "option_type": "PE",
  "strike": {{close}},
  "quantity": 50
}
--- 24013.45
"""


def _examples():
    body: list[str] = []
    for line in GUIDE.strip().splitlines():
        if line.startswith("---"):
            yield "\n".join(body), Decimal(line.removeprefix("--- "))
            body = []
        else:
            body.append(line)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize(("body", "strike"), list(_examples()))
def test_the_guides_example_is_understood(body, strike, ending):
    delivered = body.replace("{{close}}", "24013.45").replace("\n", ending or "\n") + ending
    (signal,) = parse_body(delivered.encode())
    assert signal.action == (Action.SELL if '"SELL"' in body else Action.BUY)
    assert signal.symbol == ("BANKNIFTY" if "BANKNIFTY" in body else "NIFTY")
    assert signal.strike is not None
    assert (signal.strike.kind, signal.strike.value) == (StrikeKind.PRICE, strike)
    assert signal.quantity == (25 if "25," in body else 50)
    assert signal.ignored == ()
    if "stop_loss" in body:
        assert signal.stop_loss is not None
        assert signal.target is not None
        computed = (Decimal("22812.7775"), Decimal("26414.795"))
        assert (signal.stop_loss.value, signal.target.value) == (computed if "*" in body else (140, 180))


@pytest.mark.parametrize("body", [body for body, _ in _examples() if "{{" in body])
def test_the_guides_example_left_unfilled_is_refused(body):
    with pytest.raises(InvalidAlert, match="was not filled in by TradingView") as refusal:
        parse_body(body.encode())
    assert refusal.value.field == "strike"
