"""The real client: X-Forwarded-For is believed of trusted proxies alone, and walked from the right."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from gateway.ingress.addresses import Untrustworthy, bucket, parse_address, real_client
from tests.ingress.conftest import BUY, House, running, settings

PROXY = "10.0.0.1"
PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
TRADINGVIEW = "52.89.214.238"


def client(peer: str, *forwarded: str, proxies=PROXIES) -> str:
    return str(real_client(ip_address(peer), forwarded, proxies))


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ((), PROXY),
        ((TRADINGVIEW,), TRADINGVIEW),
        ((f"1.2.3.4, {TRADINGVIEW}",), TRADINGVIEW),
        ((f"{TRADINGVIEW}, 10.9.9.9",), TRADINGVIEW),
        ((f"{TRADINGVIEW}, 6.6.6.6, 10.9.9.9",), "6.6.6.6"),
        (("1.2.3.4", f"{TRADINGVIEW}, 10.9.9.9"), TRADINGVIEW),
        (("10.3.3.3, 10.9.9.9",), "10.3.3.3"),
        (("::ffff:52.89.214.238",), TRADINGVIEW),
        (("2001:db8::1, fd00::2",), "2001:db8::1"),
        ((f"{TRADINGVIEW}:443",), TRADINGVIEW),
        ((f"{TRADINGVIEW}:50123, 10.9.9.9:80",), TRADINGVIEW),
        (("[2001:db8::1]:443, [fd00::2]",), "2001:db8::1"),
        (("[::ffff:52.89.214.238]:443",), TRADINGVIEW),
        ((f"unknown, {TRADINGVIEW}",), TRADINGVIEW),
        ((f", x, {TRADINGVIEW}, 10.9.9.9",), TRADINGVIEW),
        (("1.1.1.1," * 40 + TRADINGVIEW,), TRADINGVIEW),
    ],
)
def test_the_first_untrusted_from_the_right_is_the_client(forwarded: tuple[str, ...], expected: str) -> None:
    assert client(PROXY, *forwarded) == expected


def test_without_proxies_the_header_means_nothing() -> None:
    assert client("6.6.6.6", TRADINGVIEW, proxies=[]) == "6.6.6.6"


@pytest.mark.parametrize(
    "forwarded",
    [
        "",
        "unknown",
        "1.2.3.4,",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:443:1",
        "1.2.3.4:123456",
        "[1.2.3.4",
        "[]:443",
        "1.2.3.4, x",
        "1.2.3.4, unknown, 10.9.9.9",
        "1.2.3.4," + "10.9.9.9," * 40 + "10.9.9.9",
    ],
)
def test_a_header_that_cannot_be_read_is_refused(forwarded: str) -> None:
    with pytest.raises(Untrustworthy):
        client(PROXY, forwarded)


def test_a_header_from_a_stranger_is_refused_where_proxies_are_configured() -> None:
    with pytest.raises(Untrustworthy):
        client("6.6.6.6", TRADINGVIEW)


def test_ipv6_is_counted_by_site_and_ipv4_in_its_clothes_as_ipv4() -> None:
    assert bucket(ip_address("2001:db8::1")) == bucket(ip_address("2001:db8::ffff")) == "2001:db8::/64"
    assert str(parse_address("::ffff:1.2.3.4")) == "1.2.3.4"
    assert str(parse_address("fe80::1%eth0")) == "fe80::1"
    assert parse_address("x" * 10_000) is None


async def test_only_allowed_addresses_may_send_alerts(tmp_path: Path) -> None:
    made = settings(server={"allowed_ips": [TRADINGVIEW], "trusted_proxies": ["127.0.0.1"]})
    async with running(tmp_path, made) as house:

        async def send(forwarded: str) -> int:
            return (await house.post(BUY, headers={"X-Forwarded-For": forwarded})).status

        assert await send(TRADINGVIEW) == 200
        assert await send(f"unknown, {TRADINGVIEW}:443") == 200
        assert await send(f"{TRADINGVIEW}, 6.6.6.6") == 403
        assert await send("nonsense") == 400
        assert (await house.post(BUY)).status == 403
        assert len(await house.rows()) == 2
        assert (await house.get("/healthz")).status == 200


async def test_a_spoofed_header_does_not_open_the_door_without_proxies(tmp_path: Path) -> None:
    async with running(tmp_path, settings(server={"allowed_ips": [TRADINGVIEW]})) as house:
        answer = await house.post(BUY, headers={"X-Forwarded-For": TRADINGVIEW})
        assert (answer.status, answer.json["success"]) == (403, False)
        assert await house.rows() == []


@pytest.fixture
async def open_house(tmp_path: Path):
    """As in practice: no webhook_secret."""
    async with running(tmp_path, settings(webhook_secret=None)) as house:
        yield house


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "localhost:5001"])
async def test_without_a_secret_this_machine_may_send(open_house: House, host: str) -> None:
    assert (await open_house.post(BUY, "/webhook/tradingview", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:5001"},
        {"Host": "evil.example:5001", "Origin": "http://evil.example:5001"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"X-Forwarded-For": "6.6.6.6"},
        {"Forwarded": "for=6.6.6.6"},
        {"CF-Connecting-IP": "6.6.6.6"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_without_a_secret_no_web_page_and_no_tunnel_may_send(
    open_house: House, headers: dict[str, str]
) -> None:
    """A page in the owner's browser, a rebound name, a tunnel that ends on this machine."""
    answer = await open_house.post(BUY, "/webhook/tradingview", headers=headers)
    assert (answer.status, answer.json["success"]) == (403, False)
    assert await open_house.rows() == []
    assert (await open_house.get("/alerts/abc", headers=headers)).status == 403
    assert (await open_house.get("/metrics", headers=headers)).status == 403


async def test_without_a_secret_a_secret_that_is_sent_along_does_no_harm(open_house: House) -> None:
    assert (await open_house.post({**BUY, "secret": "left over"}, "/webhook/tradingview/old")).status == 200
