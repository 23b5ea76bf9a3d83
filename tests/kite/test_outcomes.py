"""The table of outcomes, row by row, through the real kiteconnect: refused, not sent or unknown."""

import asyncio
import socket

import pytest

from gateway.domain.errors import BrokerError, BrokerFault, Outcome
from gateway.kite.client import KiteClient
from gateway.kite.desk import Desk
from tests.kite.certificates import self_signed
from tests.kite.conftest import make_client, ticket
from tests.kite.stub import answer, bare, data, fault, reset, silence, stub_kite

REFUSED, NOT_SENT, UNKNOWN = Outcome.REFUSED, Outcome.NOT_SENT, Outcome.UNKNOWN
OTHER = BrokerFault.OTHER
HTML = b"<html><head><style>p{}</style></head><body><h1>502 Bad\nGateway</h1>cloudflare</body></html>"
TIMED_OUT = "Order request timed out. Please check the order book and confirm before placing again."
NO_FUNDS = (
    "Insufficient funds. Required margin is 95417.84 but available margin is 74251.80. "
    "Check the orderbook for open orders."
)
NO_IPS = "No IPs configured for this app. Add allowed IPs on the Kite developer console."
WRONG_IP = "IP (1.2.3.4) is not allowed to place orders for this app. Update allowed IPs on the console."
BAD_TOKEN = "Incorrect `api_key` or `access_token`."

ANSWERS = [
    # what Kite answers, what that means for the order, which fault, which words are kept
    ("input", fault("InputException", "Missing price", 400), REFUSED, OTHER, "Missing price"),
    ("order", fault("OrderException", "Blocked", 400), REFUSED, OTHER, "Blocked"),
    ("order-5xx", fault("OrderException", "Blocked", 500), UNKNOWN, OTHER, "Blocked"),
    ("general", fault("GeneralException", "No", 400), REFUSED, OTHER, "No"),
    ("general-5xx", fault("GeneralException", "Internal", 500), UNKNOWN, OTHER, "Internal"),
    ("margin", fault("MarginException", NO_FUNDS, 400), REFUSED, BrokerFault.MARGIN, "Insufficient funds"),
    ("margin-type", fault("MarginException", "Too poor", 400), REFUSED, BrokerFault.MARGIN, "Too poor"),
    ("holding", fault("HoldingException", "Not held", 400), REFUSED, OTHER, "Not held"),
    ("user", fault("UserException", "Unknown user", 400), REFUSED, OTHER, "Unknown user"),
    ("token", fault("TokenException", BAD_TOKEN, 403), REFUSED, BrokerFault.TOKEN, "Incorrect `api_key`"),
    ("token-words", fault("TokenException", "Session timed out", 403), REFUSED, BrokerFault.TOKEN, "Session"),
    ("permission", fault("PermissionException", "Insufficient permission for that call.", 403), REFUSED,
     BrokerFault.PERMISSION, "Insufficient permission"),
    ("static-ip", fault("PermissionException", NO_IPS, 403), REFUSED, BrokerFault.STATIC_IP, "No IPs"),
    ("static-ip-input", fault("InputException", WRONG_IP, 400), REFUSED, BrokerFault.STATIC_IP, "1.2.3.4"),
    ("static-ip-data", fault("DataException", WRONG_IP, 403), REFUSED, BrokerFault.STATIC_IP, "1.2.3.4"),
    ("rate", fault("NetworkException", "Too many requests", 429), REFUSED, BrokerFault.RATE_LIMIT, "many"),
    ("rate-page", answer(HTML, status=429, kind="text/html"), REFUSED, BrokerFault.RATE_LIMIT, "HTTP 429"),
    ("rate-bare", answer({"message": "slow down"}, status=429), REFUSED, BrokerFault.RATE_LIMIT, "slow down"),
    ("band", fault("OrderException", "17070 : The Price is out of the current execution range", 400), REFUSED,
     BrokerFault.PRICE_BAND, "17070"),
    ("circuit", fault("InputException", "price is lower than the current lower circuit limit of 70.65", 400),
     REFUSED, BrokerFault.PRICE_BAND, "circuit"),
    ("not-found", fault("GeneralException", "Route not found", 404), REFUSED, OTHER, "Route"),
    ("gone", fault("GeneralException", "Gone", 410), REFUSED, OTHER, "Gone"),
    ("timed-out-400", fault("OrderException", TIMED_OUT, 400), UNKNOWN, OTHER, "check the order book"),
    ("timed-out-input", fault("InputException", TIMED_OUT, 400), UNKNOWN, OTHER, "check the order book"),
    ("oms", fault("NetworkException", "Request failed (kitetrade-oms)", 503), UNKNOWN, OTHER, "oms"),
    ("network-400", fault("NetworkException", "Gateway", 400), UNKNOWN, OTHER, "Gateway"),
    ("data", fault("DataException", "Bad backend answer", 502), UNKNOWN, OTHER, "Bad backend"),
    ("504", fault("NetworkException", "Gateway timed out", 504), UNKNOWN, OTHER, "timed out"),
    ("408", fault("GeneralException", "Slow", 408), UNKNOWN, OTHER, "Slow"),
    ("error-in-200", fault("InputException", "Odd", 200), UNKNOWN, OTHER, "Odd"),
    ("type-of-no-class", fault("__doc__", "Odd", 400), REFUSED, OTHER, "Odd"),
    ("no-error-type", answer({"status": "error", "message": "who?"}, status=400), UNKNOWN, OTHER, "who?"),
    ("no-error-type-200", answer({"status": "error", "message": "x"}), UNKNOWN, OTHER, ""),
    ("no-content-type", answer({"status": "success", "data": {}}, kind=None), UNKNOWN, OTHER, "HTTP 200"),
    ("html-502", answer(HTML, status=502, kind="text/html"), UNKNOWN, OTHER, "502 Bad Gateway cloud"),
    ("html-200", answer(HTML, kind="text/html"), UNKNOWN, OTHER, "HTTP 200"),
    ("html-403", answer(HTML, status=403, kind="text/html"), UNKNOWN, OTHER, "HTTP 403"),
    ("success-in-500", answer({"data": {"order_id": "1"}}, status=500), UNKNOWN, OTHER, ""),
    ("no-order-id", data({}), UNKNOWN, OTHER, ""),
    ("empty-order-id", data({"order_id": ""}), UNKNOWN, OTHER, ""),
    ("null-order-id", data({"order_id": None}), UNKNOWN, OTHER, ""),
    ("autoslice-list", data([{"order_id": "1"}, {"error": {}}]), UNKNOWN, OTHER, ""),
    ("null-data", data(None), UNKNOWN, OTHER, ""),
    ("no-data", answer({"status": "success"}), UNKNOWN, OTHER, ""),
    ("a-list", answer([1, 2]), UNKNOWN, OTHER, ""),
    ("csv", answer(b"a,b\n1,2\n", kind="text/csv"), UNKNOWN, OTHER, ""),
    ("broken-json", answer(b'{"status": "success", "da'), UNKNOWN, OTHER, ""),
    ("broken-error", answer(b'{"status": "error", "me', status=400), UNKNOWN, OTHER, "HTTP 400"),
    ("truncated", bare(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
                       close=True), UNKNOWN, OTHER, ""),
    ("not-http", bare(b"hello\r\n\r\n", close=True), UNKNOWN, OTHER, ""),
    ("closed", bare(b"", close=True), UNKNOWN, OTHER, ""),
    ("reset", reset(), UNKNOWN, OTHER, ""),
    ("reset-in-answer", reset(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), UNKNOWN, OTHER, ""),
    *[
        (f"redirect-{code}", answer(b"", status=code, Location="/elsewhere"), UNKNOWN, OTHER, f"HTTP {code}")
        for code in (301, 302, 303, 307, 308)
    ],
]  # fmt: skip


async def failure_of_placing(client: KiteClient) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        await Desk(client).place(ticket())
    return caught.value


@pytest.mark.parametrize(
    ("reply", "outcome", "kind", "words"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
async def test_each_answer_to_an_order_has_one_meaning(stub, client, reply, outcome, kind, words):
    stub.answers = [reply]
    error = await failure_of_placing(client)
    assert (error.outcome, error.fault) == (outcome, kind)
    assert words in error.sentence
    assert len(stub.requests) == 1, "an order goes out once"


async def test_kites_own_words_alone_are_the_sentence_of_a_refusal(stub, client):
    stub.answers = [fault("InputException", NO_IPS, 400)]
    error = await failure_of_placing(client)
    assert error.sentence == NO_IPS
    assert error.code == 400


async def test_a_long_page_is_kept_short(stub, client):
    stub.answers = [answer(b"<p>" + b"word " * 5000 + b"</p>", status=500, kind="text/html")]
    assert len((await failure_of_placing(client)).sentence) < 400


async def test_a_refused_connection_is_not_sent():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = make_client(f"http://127.0.0.1:{unused.getsockname()[1]}")
        error = await failure_of_placing(client)
    await client.close()
    assert error.outcome is NOT_SENT
    assert "Connection refused" in error.sentence


async def test_an_unknown_host_is_not_sent():
    client = make_client("http://nowhere.invalid")
    error = await failure_of_placing(client)
    await client.close()
    assert error.outcome is NOT_SENT


async def test_a_connection_that_does_not_open_in_time_is_not_sent():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # fill the queue: nobody accepts
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        client = make_client(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=(0.2, 0.2))
        error = await failure_of_placing(client)
        await client.close()
        for each in waiting:
            each.close()
    assert error.outcome is NOT_SENT
    assert "no connection in time" in error.sentence


async def test_a_certificate_that_nobody_vouches_for_is_not_sent(tmp_path):
    async with stub_kite(ssl=self_signed(tmp_path)) as stub:
        client = make_client(stub.url)
        error = await failure_of_placing(client)
        await client.close()
        assert error.outcome is NOT_SENT
        assert "certificate" in error.sentence
        assert stub.requests == []


@pytest.fixture
async def tls(tmp_path, monkeypatch):
    """A stub behind TLS whose certificate is trusted, and a client of it."""
    async with stub_kite(ssl=self_signed(tmp_path)) as stub:
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "evil.pem"))
        client = make_client(stub.url)
        yield stub, client
        await client.close(grace=0)


async def test_orders_go_out_over_one_kept_tls_connection(tls):
    stub, client = tls
    stub.answers = [data({"order_id": "1"})]
    for _ in range(3):
        assert await Desk(client).place(ticket()) == "1"
    assert (stub.connections, len(stub.requests)) == (1, 3)


async def test_tls_that_breaks_after_the_request_is_unknown(tls):
    stub, client = tls

    async def forge(writer):
        below = writer.transport._ssl_protocol._transport
        below.write(b"\x17\x03\x03\x00\x24" + b"forged" * 6)  # a record that its key did not seal

    stub.answers = [forge]
    error = await failure_of_placing(client)
    assert "SSLError" in error.sentence, "which is also what requests says of a certificate it does not trust"
    assert error.outcome is UNKNOWN
    assert len(stub.requests) == 1


async def test_no_answer_in_time_is_unknown(stub, client):
    stub.answers = [silence(asyncio.Event())]
    error = await failure_of_placing(client)
    assert error.outcome is UNKNOWN
    assert "no answer in time" in error.sentence


async def test_an_answer_that_drips_for_ever_ends_as_unknown(stub):
    async def drip(writer):
        for _ in range(10_000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    stub.answers = [drip]
    client = make_client(stub.url, timeout=(0.1, 0.1), slack=0.2)
    error = await failure_of_placing(client)
    await client.close(grace=0)
    assert error.outcome is UNKNOWN


async def test_after_the_awaiting_task_is_cancelled_the_order_still_goes_out(stub, client):
    released = asyncio.Event()
    stub.answers = [silence(released, data({"order_id": "1"}))]
    placing = asyncio.create_task(Desk(client).place(ticket()))
    await asyncio.wait_for(stub.arrived.wait(), 5)
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    assert len(stub.requests) == 1
    released.set()


async def test_a_shielded_placing_tells_its_outcome_after_the_cancellation(stub, client):
    released = asyncio.Event()
    stub.answers = [silence(released, data({"order_id": "77"}))]
    inner = asyncio.ensure_future(Desk(client).place(ticket()))
    outer = asyncio.create_task(_shielded(inner))
    await asyncio.wait_for(stub.arrived.wait(), 5)
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    released.set()
    assert await inner == "77"


async def _shielded(inner):
    return await asyncio.shield(inner)


async def test_without_a_token_an_order_is_not_sent(stub):
    client = make_client(stub.url, token=None)
    error = await failure_of_placing(client)
    await client.close()
    assert (error.outcome, error.fault) == (NOT_SENT, BrokerFault.TOKEN)
    assert stub.requests == []


async def test_a_local_objection_of_the_library_is_not_sent(stub, client):
    with pytest.raises(BrokerError) as caught:
        await client.call("place", lambda kite: kite.place_order(nonsense=1))
    assert caught.value.outcome is NOT_SENT
