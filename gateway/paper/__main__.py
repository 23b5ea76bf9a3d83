"""`python -m gateway.paper`: the paper exchange as its own process; prints its addresses as a JSON line."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from gateway.paper.server import PaperServer


def main() -> None:
    """Runs until SIGTERM or Ctrl-C."""
    asyncio.run(_serve(_arguments()))


async def _serve(arguments: argparse.Namespace) -> None:
    server = PaperServer(**vars(arguments))
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await server.start()
    addresses = {"url": server.url, "ticker_url": server.ticker_url, "login_url": server.login_url}
    sys.stdout.write(msgspec.json.encode(addresses).decode() + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await server.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.paper", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument(
        "--data-dir", type=Path, default=None, help="where the book is kept; default: in memory"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--api-key", default="paper")
    parser.add_argument("--api-secret", default="paper")
    parser.add_argument("--user-id", default="PAPER1")
    parser.add_argument("--postback-url", default=None)
    parser.add_argument("--redirect-url", default="http://127.0.0.1:5001/kite/callback")
    parser.add_argument(
        "--price-interval", type=float, default=0.5, help="seconds between two prices; 0: they stand"
    )
    parser.add_argument("--latency", type=float, default=0.01, help="seconds from acceptance to the exchange")
    parser.add_argument("--market-hours", dest="always_open", action="store_false", help="closed when NSE is")
    return parser.parse_args()


if __name__ == "__main__":
    main()
