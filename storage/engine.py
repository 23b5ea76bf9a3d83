"""The database's engine: one writer whose transactions are short and durable, readers beside it.

The only home of SQLite's own ways (pragmas, BEGIN IMMEDIATE); everything else is SQLAlchemy Core.
"""

import asyncio
import heapq
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.domain.checkpoints import checkpoint
from gateway.domain.errors import StorageFailed
from storage import driver_sql

Result = TypeVar("Result")
#: Runs a function of a connection as one transaction, for its result. Raises StorageFailed.
Transact = Callable[[Callable[[Connection], Any]], Any]
#: Whether it can wait, its number, its turn (see _takes), what is to be done, who waits for it in which loop.
_Job = tuple[
    bool, int, list[None], Callable[[Transact], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop
]

#: How long a transaction waits for another process's lock. TradingView gives up after 3 s
#: (facts/tradingview.md 1), so the webhook must have its 503 out well before that.
BUSY_TIMEOUT_MS = 1000
#: Who must be answered in that time waits no longer for the transactions before his own, in seconds.
TURN_SECONDS = 1.2
DATABASE_FILE = "manjha.db"
#: Any number, the same in every process.
_WRITER = 5_001
#: Statements that SQLite keeps prepared: those of driver_sql come in 32 sizes each.
_PREPARED = 256


def database_url(configured: str | None, data_dir: Path) -> str:
    """The configured URL, or SQLite's in `data_dir`."""
    return configured or f"sqlite:///{(data_dir / DATABASE_FILE).absolute()}"


_is_urgent: ContextVar[bool] = ContextVar("is_urgent", default=False)


@contextmanager
def urgent(yes: bool = True) -> Iterator[None]:
    """What this task writes inside (an acknowledgement, an exit) overtakes what waits for its turn."""
    token = _is_urgent.set(yes)
    try:
        yield
    finally:
        _is_urgent.reset(token)


class Database:
    """Runs functions of a `Connection` as transactions.

    `write` runs them one after another on one thread (one hop a transaction, no race between two
    of ours; BEGIN IMMEDIATE against other processes), the urgent ones first; `read` runs beside the
    writer, through aiosqlite, and sees the last commit. A function's exception rolls its
    transaction back.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        _create_private(url)
        self._engine = _sync_engine(url)
        self._reader = _async_engine(url)
        self._jobs: list[_Job] = []
        self._turns: SimpleQueue[bool] = SimpleQueue()
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._closed = False
        #: The thread's own, kept from one transaction to the next; None after a failure.
        self._kept: Connection | None = None

    async def write(self, work: Callable[[Connection], Result], *, within: float | None = None) -> Result:
        """The result of `work`, committed to disk. Raises StorageFailed when nothing was stored.

        `within`: its turn must come in so many seconds.
        """
        # A cancelled caller must not believe that nothing happened: the thread commits all the same.
        return await self.begin(lambda transact: transact(work), within=within)

    def begin(
        self, job: Callable[[Transact], Result], *, within: float | None = None
    ) -> "asyncio.Future[Result]":
        """Lines up a job of any number of transactions for the thread; the future brings its result.

        The job decides when its turn has come, and on the thread, what it writes. One whose turn does not
        come `within` so many seconds is not done at all, and fails. Raises StorageFailed when the database is
        closed.
        """
        if self._closed:
            raise StorageFailed("the database is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="database", daemon=True)
            thread.start()
            self._thread = thread
        turn = [None]
        if within is not None:
            timer = loop.call_later(within, _withdraw, turn, done)
            done.add_done_callback(lambda _: timer.cancel())
        heapq.heappush(self._jobs, (not _is_urgent.get(), next(self._numbers), turn, job, done, loop))
        self._turns.put(True)
        return done

    def _work(self) -> None:
        """The thread: once for each job put, the most urgent one that waits, the oldest of those."""
        while self._turns.get():
            _, _, turn, job, done, loop = heapq.heappop(self._jobs)
            if _takes(turn):
                self._do_next(job, done, loop)

    def _do_next(
        self,
        job: Callable[[Transact], Any],
        done: "asyncio.Future[Any]",
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        try:
            result = job(self._transact)
        except BaseException as error:  # noqa: BLE001  whoever waits hears it, whatever it is
            # A future takes no StopIteration.
            heard = RuntimeError(repr(error)) if isinstance(error, StopIteration) else error
            _announce(loop, _fail, done, heard)
        else:
            _announce(loop, _succeed, done, result)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        """On the connection that is kept, until something fails."""
        try:
            kept = self._kept = self._kept or self._engine.connect()
            return self._transaction(kept, work)
        except DBAPIError as error:
            self._let_go()
            raise _failed(error) from error
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        """After a failure the next transaction begins on a connection of the pool, which looks after them."""
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(SQLAlchemyError):  # it is broken anyway, and the thread has others to serve
                kept.close()

    def write_now(self, work: Callable[[Connection], Result]) -> Result:
        """`write` for a caller without an event loop (the commands, the migrations)."""
        try:
            with self._engine.connect() as connection:
                return self._transaction(connection, work)
        except DBAPIError as error:
            raise _failed(error) from error

    def _transaction(self, connection: Connection, work: Callable[[Connection], Result]) -> Result:
        try:
            with connection.begin():
                checkpoint("database.begun")
                result = work(connection)
                checkpoint("database.worked")
        except DBAPIError as error:
            raise _failed(error) from error
        checkpoint("database.committed")
        return result

    def reshape_now(self, work: Callable[[Connection], Result]) -> Result:
        """`write_now` for a change of the schema, which makes tables anew that others refer to.

        Foreign keys are not enforced meanwhile (SQLite would empty the tables that refer to the old one,
        facts/scheduling-and-sqlite.md 4), but checked before the commit. Raises StorageFailed.
        """
        if self._engine.dialect.name != "sqlite":
            return self.write_now(work)
        try:
            with self._engine.connect() as connection:
                # The pragma has no effect inside a transaction; this connection is not used again.
                connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
                try:
                    with connection.begin():
                        result = work(connection)
                        _check_references(connection)
                finally:
                    connection.invalidate()
        except DBAPIError as error:
            raise _failed(error) from error
        return result

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """The result of `work`, which must not write. Raises StorageFailed."""
        try:
            async with self._reader.connect() as connection:
                checkpoint("database.reading")
                return await connection.run_sync(work)
        except DBAPIError as error:
            raise StorageFailed(str(error.orig)) from error

    async def close(self) -> None:
        """Waits for the transactions under way, then lets go of every connection."""
        self._closed = True
        if self._thread is not None:
            self._turns.put(False)
            await asyncio.to_thread(self._thread.join)
        self._let_go()
        await self._reader.dispose()
        self._engine.dispose()


def _takes(turn: list[None]) -> bool:
    """Whether the caller is the first to take this turn: the thread, or the loop that withdraws the job."""
    try:
        turn.pop()
    except IndexError:
        return False
    return True


def _withdraw(turn: list[None], done: "asyncio.Future[Any]") -> None:
    if _takes(turn):
        _fail(done, StorageFailed("the database is busy with something else", for_all=True))


def _failed(error: DBAPIError) -> StorageFailed:
    return StorageFailed(str(error.orig), for_all=isinstance(error, OperationalError))


def _announce(loop: asyncio.AbstractEventLoop, *call: Any) -> None:
    with suppress(RuntimeError):  # the loop has ended: nobody waits any more
        loop.call_soon_threadsafe(*call)


def _succeed(done: "asyncio.Future[Any]", result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


def _check_references(connection: Connection) -> None:
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if lost:
        raise StorageFailed(f"{len(lost)} rows refer to rows that are not there; the first in {lost[0][0]}")


def _create_private(url: str) -> None:
    """The file is made 0600 before SQLite opens it, an old one too: its -wal and -shm take the same mode."""
    path = make_url(url).database
    if not url.startswith("sqlite") or not path:
        return
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    Path(path).chmod(0o600)


def _sync_engine(url: str) -> Engine:
    options = {"cached_statements": _PREPARED} if url.startswith("sqlite") else {}
    engine = create_engine(url, connect_args=options)
    if engine.dialect.name == "sqlite":
        _speak_sqlite(engine, "IMMEDIATE")
    elif engine.dialect.name == "postgresql":
        _speak_postgres(engine)
    return engine


def _async_engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(drivername="sqlite+aiosqlite")
    engine = create_async_engine(parsed)
    if engine.dialect.name == "sqlite":
        _speak_sqlite(engine.sync_engine, "DEFERRED")
    return engine


def _speak_postgres(engine: Engine) -> None:
    """One writer at a time, as BEGIN IMMEDIATE gives it: the audit trail is one chain over all processes."""

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")


def _speak_sqlite(engine: Engine, begin: str) -> None:
    """Without the driver's own transactions, which begin too late (facts/reliability.md 1.4)."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver_sql.execute(connection, f"BEGIN {begin}", ())
