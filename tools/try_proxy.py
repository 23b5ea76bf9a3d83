"""Tries deploy/Caddyfile and deploy/nginx.conf for real: a live gateway against the paper exchange and phone,
the proxy with the committed configuration, and curl with right, wrong and no client certificates.

tools/try-proxy [caddy] [nginx]: prints a Markdown table each; exit status 1 if any answer is not as promised.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402

from tests.acceptance.stage import SECRET, SEED_ALERT, Stage  # noqa: E402

SUBJECT = "/C=US/ST=Ohio/L=Westerville/O=TradingView, Inc./CN=TradingView Webhooks"
OTHER = "/C=US/ST=Ohio/L=Westerville/O=TradingView, Inc./CN=TradingView Webhooks 2"
#: curl plays TradingView from the one loopback address and a stranger from the other.
TRADINGVIEW, STRANGER = "127.0.0.2", "127.0.0.3"
HOOK = f"/webhook/tradingview/{SECRET}"
NEW_KEY = ("-newkey", "rsa:2048", "-nodes")
CERTIFIED = ("--cert", "right.pem", "--key", "right.key")


@dataclass(frozen=True, kw_only=True)
class Try:
    """One request. `expected` are the statuses that keep the promise; 0: the TLS handshake fails."""

    name: str
    expected: tuple[int, ...]
    path: str = HOOK
    curl: tuple[str, ...] = ()
    sender: str = TRADINGVIEW
    stored: int = 0


def _body(number: int) -> tuple[str, ...]:
    return ("--data", json.dumps({**SEED_ALERT, "id": f"try-{number}"}))


def _certificate(name: str) -> tuple[str, ...]:
    return ("--cert", f"{name}.pem", "--key", f"{name}.key")


def _forwarded(address: str) -> tuple[str, ...]:
    return ("-H", f"X-Forwarded-For: {address}")


LARGE = ("--data-binary", "@20.json")
CHUNKED = ("-H", "Transfer-Encoding: chunked")
TRIES = (
    Try(name="right certificate", expected=(200,), curl=CERTIFIED + _body(1), stored=1),
    Try(
        name="right certificate, HTTP/1.1",
        expected=(200,),
        curl=("--http1.1", *CERTIFIED, *_body(2)),
        stored=1,
    ),
    Try(name="no certificate", expected=(403,), curl=_body(3)),
    Try(name="certificate of another CA", expected=(0, 403), curl=_certificate("foreign") + _body(4)),
    Try(name="right CA, another subject", expected=(403,), curl=_certificate("other") + _body(5)),
    Try(name="right certificate, expired", expected=(0, 403), curl=_certificate("expired") + _body(6)),
    Try(
        name="right subject, made for servers",
        expected=(0, 403),
        curl=_certificate("server-side") + _body(14),
    ),
    Try(
        name="right certificate, no secret",
        expected=(401,),
        path="/webhook/tradingview",
        curl=CERTIFIED + _body(7),
    ),
    Try(
        name="right certificate, address not allowed",
        expected=(403,),
        sender=STRANGER,
        curl=CERTIFIED + _body(8),
    ),
    Try(
        name="the same with `X-Forwarded-For` of an allowed address",
        expected=(403,),
        sender=STRANGER,
        curl=CERTIFIED + _forwarded(TRADINGVIEW) + _body(9),
    ),
    Try(name="body of 17 KiB", expected=(413,), curl=(*CERTIFIED, "--data-binary", "@17.json")),
    Try(name="body of 1 MiB", expected=(413,), curl=(*CERTIFIED, "--data-binary", "@1024.json")),
    Try(name="body of 20 KiB", expected=(413,), curl=CERTIFIED + LARGE),
    Try(name="body of 20 KiB, chunked", expected=(413,), curl=("--http1.1", *CERTIFIED, *CHUNKED, *LARGE)),
    Try(
        name="webhook spelled as `/healthz/..%2f..`, no certificate",
        expected=(403,),
        path=f"/healthz/..%2fwebhook/tradingview/{SECRET}",
        curl=_body(10),
    ),
    Try(
        name="webhook spelled to end in `..%2fhealthz`, no certificate",
        expected=(404, 405),
        path=f"{HOOK}%2f..%2f..%2f..%2fhealthz",
        curl=_body(11),
    ),
    Try(
        name="`/WEBHOOK/..`, no certificate",
        expected=(403, 404),
        path=HOOK.replace("web", "WEB"),
        curl=_body(12),
    ),
    Try(name="`/kite/login`, no certificate", expected=(302,), path="/kite/login", sender=STRANGER),
    Try(name="`/healthz`, no certificate", expected=(200,), path="/healthz", sender=STRANGER),
    Try(name="`/alerts/1` without Bearer", expected=(401,), path="/alerts/1", sender=STRANGER),
    Try(
        name="`/metrics` from outside, with `X-Forwarded-For: 127.0.0.1`",
        expected=(401,),
        path="/metrics",
        sender="outside",
        curl=_forwarded("127.0.0.1"),
    ),
    Try(name="`/anything-else`", expected=(404,), path="/anything-else", sender=STRANGER),
)
SLOW = (
    ("headers that never end", f"POST {HOOK} HTTP/1.1\r\nHost: localhost\r\n"),
    ("a body that never ends", f"POST {HOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{{"),
)
GATEWAY_DOWN = Try(name="right certificate, gateway down", expected=(502,), curl=CERTIFIED + _body(13))


def make_certificates(folder: Path) -> None:
    """Two CAs, the server's certificate, and the clients' ones."""
    for name in ("ca", "foreign-ca"):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
        _openssl(folder, "req", "-x509", *NEW_KEY, "-days", "2", "-subj", f"/CN={name}", *files)
    _sign(folder, "server", "/CN=localhost", extensions="subjectAltName=DNS:localhost")
    client = "extendedKeyUsage=clientAuth\nsubjectAltName=email:webhook-server@tradingview.com"
    _sign(folder, "right", SUBJECT, extensions=client)
    _sign(folder, "other", OTHER, extensions=client)
    _sign(folder, "foreign", SUBJECT, extensions=client, authority="foreign-ca")
    _sign(folder, "server-side", SUBJECT, extensions="extendedKeyUsage=serverAuth")
    _sign(folder, "expired", SUBJECT, extensions=client, days="-1")


def _sign(
    folder: Path, name: str, subject: str, *, extensions: str, authority: str = "ca", days: str = "2"
) -> None:
    (folder / f"{name}.ext").write_text(extensions)
    _openssl(
        folder, "req", "-new", *NEW_KEY, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr"
    )
    signer = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", days)
    files = ("-in", f"{name}.csr", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    _openssl(folder, "x509", "-req", *signer, *files)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, gateway: str, port: int) -> dict[str, str]:
    """What the committed configurations leave open."""
    values = {
        "SITE": "localhost",
        "LISTEN": str(port),
        "GATEWAY": gateway.removeprefix("http://"),
        "HTTP_PORT": str(free_port()),
        "CLIENT_CA": str(folder / "ca.pem"),
        "CERT": str(folder / "server.pem"),
        "KEY": str(folder / "server.key"),
        "TLS": f"{folder / 'server.pem'} {folder / 'server.key'}",
        "LOG": str(folder / "nginx.log"),
    }
    return {f"MANJHA_{key}": value for key, value in values.items()}


def caddy(folder: Path, values: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Caddy's command and environment."""
    command = ["caddy", "run", "--config", str(ROOT / "deploy/Caddyfile"), "--adapter", "caddyfile"]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return command, values | home | {"MANJHA_SITE": f"localhost:{values['MANJHA_LISTEN']}"}


def nginx(folder: Path, values: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """nginx's command and environment: a bare main file around the committed one."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    (folder / "manjha.conf").write_text(re.sub(r"\$\{(MANJHA_\w+)\}", lambda found: values[found[1]], text))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    main = f"daemon off; pid {folder}/nginx.pid; events {{}} http {{ {paths} include {folder}/manjha.conf; }}"
    (folder / "nginx.conf").write_text(main)
    return ["nginx", "-e", str(folder / "nginx.log"), "-c", str(folder / "nginx.conf")], values


Start = Callable[[Path, dict[str, str]], tuple[list[str], dict[str, str]]]
PROXIES: dict[str, Start] = {"caddy": caddy, "nginx": nginx}


def curl(folder: Path, port: int, attempt: Try) -> tuple[int, str]:
    """Status and body of the answer; 0 and curl's reason where there is none."""
    sender = outside_address() if attempt.sender == "outside" else attempt.sender
    command = [
        *("curl", "-sS", "--max-time", "20", "--path-as-is", "--cacert", "ca.pem", "-w", "\n%{http_code}"),
        *("--resolve", f"localhost:{port}:127.0.0.1", "--interface", sender, *attempt.curl),
        f"https://localhost:{port}{attempt.path}",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body or done.stderr.strip()


def outside_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("203.0.113.1", 9))
        return str(probe.getsockname()[0])


def stored(folder: Path) -> int:
    """How many alerts are on disk."""
    with sqlite3.connect(f"file:{folder}/data/manjha.db?mode=ro", uri=True) as database:
        return int(database.execute("SELECT count(*) FROM alerts").fetchone()[0])


def shown(status: int, body: str) -> str:
    """The answer in a cell of the table."""
    found = re.search(r'"(?:status|error)": ?"([^"]*)"', body)
    text = found[1] if found else "" if status else f"no answer: {body.strip()}"
    return f"{status or ''} {text}".strip().replace("|", "/")


def judge(folder: Path, port: int, attempt: Try) -> bool:
    """Tries one request and prints its line."""
    before = stored(folder)
    status, body = curl(folder, port, attempt)
    more = stored(folder) - before
    kept = status in attempt.expected and more == attempt.stored
    # A refused handshake reaches curl as an alert or as a reset, whichever it reads first.
    answer = "TLS handshake refused" if kept and not status else shown(status, body)
    print(f"| {attempt.name} | {answer} | {more} |{'' if kept else ' NOT AS PROMISED'}", flush=True)
    return kept


@contextlib.asynccontextmanager
async def proxy(folder: Path, name: str, gateway: str) -> AsyncIterator[int]:
    """The proxy while it runs; its port."""
    port = free_port()
    command, values = PROXIES[name](folder, environment(folder, gateway, port))
    with (folder / f"{name}.out").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**os.environ, **values}, stdout=log, stderr=log
        )
    try:
        await _listening(folder, name, port)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(folder: Path, name: str, port: int) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit((folder / f"{name}.out").read_text()) from error
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def try_one(name: str) -> bool:
    """The whole table of one proxy."""
    print(f"\n**{name}** ({version(name)})\n")
    print("| request | answer | alerts stored |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        prepare(folder)
        trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=folder / "ca.pem"))
        async with aiohttp.ClientSession(connector=trust) as http:
            return await _on_stage(folder, Stage(folder, http), name)


def version(name: str) -> str:
    """The installed proxy's version."""
    command = [name, "version" if name == "caddy" else "-v"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).split()[-1].removeprefix("nginx/")


def prepare(folder: Path) -> None:
    """Certificates and bodies; open to nginx's worker, who is another user."""
    folder.chmod(0o755)
    make_certificates(folder)
    for size in (17, 20, 1024):
        (folder / f"{size}.json").write_text(json.dumps({**SEED_ALERT, "note": "x" * size * 1024}))


async def _on_stage(folder: Path, stage: Stage, name: str) -> bool:
    try:
        await stage.open(
            server={"port": free_port(), "trusted_proxies": ["127.0.0.1"], "allowed_ips": [TRADINGVIEW]}
        )
        await stage.start_gateway()
        async with proxy(folder, name, stage.url) as port:
            kept = [await asyncio.to_thread(judge, folder, port, attempt) for attempt in TRIES]
            await _log_in(stage, port)
            kept += [await asyncio.to_thread(slow, folder, port, *slowly) for slowly in SLOW]
            await stage.stop_gateway()
            kept.append(await asyncio.to_thread(judge, folder, port, GATEWAY_DOWN))
        return all([*kept, _silent(folder, name)])
    finally:
        await stage.close()


async def _log_in(stage: Stage, port: int) -> None:
    """Login and callback through the proxy, without a certificate. Raises AssertionError if they fail."""
    stage.url = f"https://localhost:{port}"
    await stage.log_in()
    print("| `/kite/login`, Kite's page, `/kite/callback`, no certificate | 200, logged in | 0 |", flush=True)


def slow(folder: Path, port: int, name: str, sent: str) -> bool:
    """A sender that begins and never ends: how long until it is let go; at most 15 s."""
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "right.pem", folder / "right.key")
    before, began = stored(folder), time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 20, (TRADINGVIEW, 0)) as plain:
        secured = context.wrap_socket(plain, server_hostname="localhost")
        secured.sendall(sent.encode())
        answer = _read_to_the_end(secured)
        secured.close()
    seconds, more = time.monotonic() - began, stored(folder) - before
    status = [*answer.split(b" ", 2), b"", b""][1].decode() or "no answer"
    kept = seconds < 15 and more == 0 and not status.startswith("2")
    print(f"| {name} | {status}, closed after {seconds:.0f} s | {more} |{'' if kept else ' NOT AS PROMISED'}")
    return kept


def _read_to_the_end(secured: ssl.SSLSocket) -> bytes:
    answer = b""
    with contextlib.suppress(OSError):  # a reset or our own 20 s
        while more := secured.recv(4096):
            answer += more
    return answer


def _silent(folder: Path, name: str) -> bool:
    """The proxy's logs hold no secret."""
    logs = [path.read_text() for path in (folder / f"{name}.out", folder / "nginx.log") if path.exists()]
    silent = not any(SECRET in text for text in logs)
    print(f"\nThe webhook's secret in {name}'s logs: {'never' if silent else 'YES: NOT AS PROMISED'}.")
    return silent


async def main(names: list[str]) -> int:
    """Tries the named proxies, or those installed."""
    chosen = names or [name for name in PROXIES if shutil.which(name)]
    if not chosen:
        print("neither caddy nor nginx is installed", file=sys.stderr)
    results = [await try_one(name) for name in chosen]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
