"""What a start prints: where the gateway listens, and (in practice) an alert to paste."""

from config.settings import Settings

#: One lot of NIFTY; the seed guide's own alert.
EXAMPLE_ALERT = '{"action": "BUY", "symbol": "NIFTY", "option_type": "CE", "strike": 24000, "quantity": 65}'


def announce(settings: Settings, address: str, page: str | None, practice: bool) -> str:
    """The lines for the terminal; never a secret."""
    lines = [f"Manjha takes alerts at {address}/webhook/tradingview ({settings.venue})"]
    if page:
        lines.append(f"The phone: {page}")
    if practice:
        lines += [
            "",
            "Practice: no account, no money. Send an alert, then tap Approve on the phone:",
            "",
            (
                f"curl -X POST {address}/webhook/tradingview -H 'Content-Type: application/json' "
                f"-d '{EXAMPLE_ALERT}'"
            ),
            "",
        ]
    return "\n".join(lines)
