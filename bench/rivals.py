"""What the gateway is measured against: `python -m bench.rivals echo|commit PATH`, bare aiohttp handlers."""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]


async def echo(request: web.Request) -> web.Response:
    """The least that aiohttp can do: JSON in, JSON out."""
    return web.json_response(await request.json())


def committing(path: Path) -> Handler:
    """The least that is durable: JSON in, one row, one commit that is on disk, its number out."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS alerts (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    async def commit(request: web.Request) -> web.Response:
        body = await request.read()
        await request.json()
        connection.execute("BEGIN IMMEDIATE")
        row = connection.execute("INSERT INTO alerts (body) VALUES (?)", (body,))
        connection.execute("COMMIT")
        return web.json_response({"success": True, "alert_id": row.lastrowid})

    return commit


async def _serve(handler: Handler) -> None:
    app = web.Application()
    app.add_routes([web.post("/", handler)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serves until it is killed; prints its address."""
    handler = echo if sys.argv[1] == "echo" else committing(Path(sys.argv[2]))
    asyncio.run(_serve(handler))


if __name__ == "__main__":
    main()
