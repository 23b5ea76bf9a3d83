"""Whose request it is: the real client behind trusted proxies (facts/reliability.md 5). Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST = 64
_MOST_HOPS = 32
_SITE_BITS = 64
#: What some proxies write for an address: with its port, `1.2.3.4:443`, `[2001:db8::1]:443`.
_WITH_PORT = re.compile(r"\s*(?:([0-9.]+):[0-9]{1,5}|\[([^\[\]]*)\](?::[0-9]{1,5})?)\s*")


class Untrustworthy(ValueError):
    """X-Forwarded-For came from a stranger, or cannot be read."""


@lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """The address in a text, IPv4 where it is one in IPv6's clothes; None if it is none."""
    if len(text) > _LONGEST:
        return None
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)


def real_client(peer: Address, forwarded: Sequence[str], proxies: Sequence[Network]) -> Address:
    """The client of a request that came from `peer` with these X-Forwarded-For headers.

    Without configured proxies the headers mean nothing. Otherwise they are walked from the right, where each
    trusted proxy wrote whom it saw; the first that is no trusted proxy is the client, and what stands left of
    it, which anybody may have written, is not read. Raises Untrustworthy.
    """
    if not proxies or not forwarded:
        return peer
    if not is_within(peer, proxies):
        raise Untrustworthy("X-Forwarded-For comes from an address that is not among server.trusted_proxies")
    client = peer
    for client in _hops(forwarded):
        if not is_within(client, proxies):
            break
    return client


def bucket(address: Address) -> str:
    """What counts as one sender: an IPv4 address, or an IPv6 site (/64)."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, _SITE_BITS), strict=False))


def _hops(forwarded: Sequence[str]) -> Iterator[Address]:
    """The addresses from the right, each read as it is asked for. Raises Untrustworthy."""
    for count, text in enumerate(reversed(",".join(forwarded).split(","))):
        hop = _hop(text) if count < _MOST_HOPS else None
        if hop is None:
            raise Untrustworthy("X-Forwarded-For cannot be read")
        yield hop


def _hop(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text) if len(text) <= _LONGEST else None
    return parse_address((match[1] or match[2]) if match else text)
