"""The day's instrument list: fetched, checked, kept, and swapped in whole; never emptied."""

import asyncio
import io
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as daytime

import structlog
from sqlalchemy import Connection, delete, insert, select

from config.market import Underlying
from gateway.domain.chain import OptionChain, chains_of, read_contracts
from gateway.domain.contract import Contract
from gateway.domain.errors import BrokerError, Refusal
from gateway.domain.index_rows import read_index_tokens
from gateway.domain.list_check import LotChange, check, lot_changes, size
from gateway.domain.market import IST, Calendar, ist
from gateway.kite.book import Book
from storage import tables
from storage.engine import Database

log = structlog.get_logger()

#: A thread that reads the list lets the loop in after so many lines (less than a millisecond's work).
LINES_A_BREATH = 200


class Instruments:
    """One venue's listed options. Lookups are in memory; the list survives a restart."""

    def __init__(
        self,
        venue: str,
        book: Book,
        database: Database,
        calendar: Calendar,
        underlyings: dict[str, Underlying],
        required: frozenset[str] = frozenset(),
    ) -> None:
        """`required`: the underlyings that are traded; a list that has lost one of them is not believed."""
        self._required = required
        self._venue = venue
        self._book = book
        self._database = database
        self._calendar = calendar
        self._underlyings = underlyings
        self._chains: dict[str, OptionChain] = {}
        #: By the index's key, as the list has them; the configuration's figures serve until there is one.
        self._index_tokens: dict[str, int] = {}
        self.fetched_at: datetime | None = None

    @property
    def count(self) -> int:
        """How many contracts are known."""
        return size(self._chains)

    def chain(self, name: str) -> OptionChain:
        """The options of an underlying. Raises Refusal when there are none."""
        if name not in self._chains:
            raise Refusal("instruments", f"the instrument list has no options of {name}")
        return self._chains[name]

    def named(self, tradingsymbol: str) -> Contract | None:
        """The listed option of that name; None for anything else."""
        for chain in self._chains.values():
            if tradingsymbol.startswith(chain.name):
                for strikes in chain.contracts.values():
                    for contract in strikes.values():
                        if contract.tradingsymbol == tradingsymbol:
                            return contract
        return None

    def underlying(self, name: str) -> Underlying:
        """The figures of an underlying that no list carries. Raises Refusal for one that is not known."""
        if name not in self._underlyings:
            raise Refusal(
                "symbol", f"{name} is not an underlying Manjha knows: {', '.join(self._underlyings)}"
            )
        known = self._underlyings[name]
        token = self._index_tokens.get(known.index_key)
        return known if token is None else replace(known, index_token=token)

    def living_expiries(self, name: str, now: datetime) -> list[date]:
        """The expiries whose last session is not over."""
        return [day for day in self.chain(name).expiries if not self._calendar.has_expired(day, now)]

    def is_stale(self, now: datetime, published: daytime) -> bool:
        """Whether a list was published (daily at `published`, IST) since the one in use was fetched."""
        local = ist(now)
        latest = datetime.combine(local.date(), published, IST)
        if latest > local:
            latest -= timedelta(days=1)
        return self.fetched_at is None or self.fetched_at < latest

    async def restore(self) -> None:
        """Takes up the list that was kept by an earlier run."""
        kept = await self._database.read(self._kept)
        if kept:
            contracts = await asyncio.to_thread(
                _unpack, [packed for packed, _ in kept], list(self._underlyings)
            )
            self._swap(await asyncio.to_thread(chains_of, contracts), min(fetched for _, fetched in kept))

    async def refresh(self, now: datetime) -> list[LotChange]:
        """Fetches the lists of all exchanges and swaps them in together; lots that changed since the last.

        Raises BrokerError when a list cannot be had, Refusal when it is not credible; the old list
        then stays in use.
        """
        exchanges = sorted({underlying.exchange for underlying in self._underlyings.values()})
        raw = {exchange: await self._book.instruments(exchange) for exchange in exchanges}
        names = list(self._underlyings)
        packed = {exchange: await asyncio.to_thread(_pack, body, names) for exchange, body in raw.items()}
        contracts = [contract for _, found in packed.values() for contract in found]
        chains = await asyncio.to_thread(chains_of, contracts)
        check(chains, self._chains, self._required, ist(now).date())
        self._index_tokens |= await self._fetch_index_tokens()
        changes = lot_changes(chains, self._chains, ist(now).date())
        await self._database.write(
            lambda connection: self._keep(connection, {key: data for key, (data, _) in packed.items()}, now)
        )
        self._swap(chains, now)
        log.info("instruments_refreshed", venue=self._venue, contracts=len(contracts))
        return changes

    async def _fetch_index_tokens(self) -> dict[str, int]:
        """Of the exchanges' own lists, which hold all shares; what is missing is not waited for."""
        keys = {underlying.index_key for underlying in self._underlyings.values()}
        found: dict[str, int] = {}
        for exchange in sorted({key.partition(":")[0] for key in keys}):
            try:
                body = await self._book.instruments(exchange)
            except BrokerError as error:
                log.warning("index_rows_not_fetched", exchange=exchange, error=error.sentence)
                continue
            found |= await asyncio.to_thread(read_index_tokens, _lines(body), keys)
        return found

    def _swap(self, chains: dict[str, OptionChain], fetched_at: datetime) -> None:
        self._chains, self.fetched_at = chains, fetched_at

    def _kept(self, connection: Connection) -> list[tuple[bytes, datetime]]:
        table = tables.instruments
        rows = connection.execute(
            select(table.c.rows, table.c.fetched_at).where(table.c.venue == self._venue)
        )
        return [(row.rows, row.fetched_at) for row in rows]

    def _keep(self, connection: Connection, packed: dict[str, bytes], now: datetime) -> None:
        table = tables.instruments
        connection.execute(delete(table).where(table.c.venue == self._venue))
        connection.execute(
            insert(table),
            [
                {"venue": self._venue, "exchange": exchange, "fetched_at": now, "rows": data}
                for exchange, data in packed.items()
            ],
        )


_COLUMNS = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)


def _pack(body: bytes, names: list[str]) -> tuple[bytes, list[Contract]]:
    """The options that matter here, and their rows as compressed CSV."""
    contracts = read_contracts(_lines(body), names)
    lines = "\n".join([_COLUMNS, *_breathing(map(_line, contracts))])
    return zlib.compress(lines.encode(), 1), contracts


def _line(each: Contract) -> str:
    return (
        f"{each.instrument_token},,{each.tradingsymbol},{each.name},,{each.expiry},{each.strike},"
        f"{each.tick_size},{each.lot_size},{each.option_type},,{each.exchange}"
    )


def _unpack(packed: list[bytes], names: list[str]) -> list[Contract]:
    return [contract for data in packed for contract in read_contracts(_lines(zlib.decompress(data)), names)]


def _lines(body: bytes) -> Iterator[str]:
    """Line by line: to decode and split megabytes at once would hold the interpreter for as long."""
    return _breathing(io.TextIOWrapper(io.BytesIO(body), "utf-8", "replace", newline=""))


def _breathing(texts: Iterable[str]) -> Iterator[str]:
    """The same texts, with a breath now and then, in which the loop gets the interpreter."""
    for number, text in enumerate(texts):
        if number % LINES_A_BREATH == 0:
            time.sleep(0)
        yield text
