"""What the exchange says when it will not: Kite's error types, codes and words (facts/kite.md 3.3, 5)."""


class Refusal(Exception):
    """A request refused at once: nothing was accepted. `message` goes to the client as it stands."""

    def __init__(self, message: str, *, error_type: str = "InputException", code: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.code = code


def dead_token() -> Refusal:
    return Refusal("Incorrect `api_key` or `access_token`.", error_type="TokenException", code=403)


def spent_request_token() -> Refusal:
    return Refusal("Token is invalid or has expired.", error_type="TokenException", code=403)


def wrong_checksum() -> Refusal:
    return Refusal("Invalid `checksum`.", error_type="TokenException", code=403)


def too_many_requests() -> Refusal:
    return Refusal("Too many requests", error_type="NetworkException", code=429)


def order_limit_exceeded() -> Refusal:
    return Refusal("Maximum allowed order requests exceeded.", error_type="OrderException")


def modification_limit_exceeded() -> Refusal:
    return Refusal("Maximum allowed order modifications exceeded.", error_type="OrderException")


def unknown_instrument() -> Refusal:
    return Refusal("The instrument you are placing an order for has either expired or does not exist.")


def unprotected_market_order() -> Refusal:
    return Refusal(
        "Market orders without market protection are not allowed via API. "
        "Please set market protection or use a Limit order."
    )


def off_tick() -> Refusal:
    return Refusal("Order price is not a multiple of tick size.")


def over_freeze(quantity: int, lot: int, largest: int) -> Refusal:
    return Refusal(
        f"The order quantity {quantity} ({quantity // lot} lots) is higher than the maximum quantity of "
        f"{largest} ({largest // lot} lots) allowed by the exchanges."
    )


def being_processed(verb: str) -> Refusal:
    """For an order in transit and for one that has ended meanwhile: Kite does not tell them apart."""
    return Refusal(
        f"Order cannot be {verb} as it is being processed. Try later.", error_type="OrderException"
    )


def unknown_order() -> Refusal:
    return Refusal("Couldn't find that `order_id`.", error_type="OrderException", code=404)


def unknown_trigger() -> Refusal:
    return Refusal("Trigger not found.", error_type="GeneralException", code=404)


def closed_market(product: str) -> Refusal:
    who = "MIS (intraday) are" if product == "MIS" else "Regular orders are"
    return Refusal(f"{who} blocked as the markets are not open for trading today. Try placing an AMO order.")


def invalid(field: str) -> Refusal:
    return Refusal(f"Invalid `{field}`.")


def missing(field: str) -> Refusal:
    return Refusal(f"Missing or empty field `{field}`")
