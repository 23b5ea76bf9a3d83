"""What an order costs, as the paper exchange's answers show it."""

from decimal import Decimal
from typing import Any

from config.market import charges as rates
from gateway.domain import charges as domain
from gateway.domain.charges import Charges
from gateway.paper.words import Side

FREE = Charges(
    stt=Decimal(), turnover=Decimal(), sebi=Decimal(), brokerage=Decimal(), stamp=Decimal(), gst=Decimal()
)


def charges_of(exchange: str, side: Side, quantity: int, price: Decimal) -> Charges:
    """What one executed order costs at `price` rupees a unit."""
    return domain.charges_of(rates(), exchange, side, quantity * price)


def charges_row(charges: Charges, tax: str = "stt") -> dict[str, Any]:
    """As in the sample virtual_contract_note.json."""
    return {
        "transaction_tax": float(charges.stt),
        "transaction_tax_type": tax,
        "exchange_turnover_charge": float(charges.turnover),
        "sebi_turnover_charge": float(charges.sebi),
        "brokerage": float(charges.brokerage),
        "stamp_duty": float(charges.stamp),
        "gst": {"igst": float(charges.gst), "cgst": 0, "sgst": 0, "total": float(charges.gst)},
        "total": float(charges.total),
    }
