"""`python -m bot.phone`: the phone as a process of its own, so that it outlives a killed gateway."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp

from bot.phone.composer import AlertReply, SendAlert
from bot.phone.server import PhoneServer

_ALERT_TIMEOUT_SECONDS = 35.0  # the gateway may be asked to wait 30 s for the outcome


def main() -> None:
    """Runs until SIGTERM or Ctrl-C; prints one JSON line with the addresses when ready."""
    asyncio.run(_run(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.phone", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", required=True)
    parser.add_argument("--owner-id", type=int, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--local", action="store_true", help="deliver to webhooks, at any address")
    parser.add_argument("--alert-url", help="where composed alerts are sent")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ALERT_TIMEOUT_SECONDS)) as session:
        server = PhoneServer(
            token=arguments.token,
            owner_id=arguments.owner_id,
            host=arguments.host,
            port=arguments.port,
            data_dir=arguments.data_dir,
            local=arguments.local,
            send_alert=_forward(session, arguments.alert_url) if arguments.alert_url else None,
        )
        await server.start()
        sys.stdout.write(json.dumps({"url": server.url, "api_url": server.api_url}) + "\n")
        sys.stdout.flush()
        await stopping.wait()
        await server.stop()


def _forward(session: aiohttp.ClientSession, url: str) -> SendAlert:
    async def send(body: str, query: str) -> AlertReply:
        address = f"{url}?{query}" if query else url
        try:
            async with session.post(address, data=body.encode()) as response:
                return AlertReply(status=response.status, body=await response.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            return AlertReply(status=502, body=json.dumps({"success": False, "error": str(error)}))

    return send


if __name__ == "__main__":
    main()
