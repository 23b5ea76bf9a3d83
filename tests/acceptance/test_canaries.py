"""No secret leaves: a day on the real processes, and then everything it left behind is searched for them."""

import base64
import hashlib
import json
import re
import sqlite3
from contextlib import closing
from urllib.parse import quote

from cryptography.fernet import Fernet

from tests.acceptance.stage import API_KEY, API_SECRET, SECRET, SEED_ALERT, TOKEN, USER, Stage
from tests.acceptance.test_commands import manjha

#: What a stranger tries, and what its owner mistypes, is nobody's business either.
GUESSED = "a-guessed-webhook-secret-canary"


class Day:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seen: dict[str, str] = {}
        self.canaries = {
            "webhook_secret": SECRET,
            "bot_token": TOKEN,
            "api_secret": API_SECRET,
            "api_key": API_KEY,
            "guessed": GUESSED,
        }

    async def fault(self, **values: object) -> None:
        url = f"{self.stage.paper['url']}/_paper/faults"
        async with self.stage.http.post(url, json=[values]) as answer:
            assert answer.status == 200, await answer.text()

    async def morning(self) -> None:
        """Nobody is logged in; a login by hand whose address is pasted, a wrong one, one in the browser."""
        stage = self.stage
        await stage.open(defaults={"approval": "auto"}, strategies={"asked": {"approval": "confirm"}})
        await stage.start_gateway()
        early = await stage.alert()
        await stage.settled(early["alert_id"], "refused")
        async with stage.http.post(f"{stage.paper['url']}/_paper/request_token") as answer:
            self.canaries["pasted request_token"] = (await answer.json())["request_token"]
        pasted = self.canaries["pasted request_token"]
        await stage.say(f"/login https://127.0.0.1/kite/callback?status=success&request_token={pasted}")
        await stage.message("✅", "is logged in")
        await self.note_access_token("first access_token")
        self.canaries["wrong request_token"] = "wrongrequesttokencanary0123456789"
        await stage.say("/login wrongrequesttokencanary0123456789")
        await stage.log_in()
        await self.note_access_token("access_token")

    async def note_access_token(self, name: str) -> None:
        """As Kite knows it: what the database keeps is sealed."""
        with closing(sqlite3.connect(self.stage.folder / "data" / "manjha.db")) as opened:
            sealed = opened.execute("SELECT access_token FROM sessions").fetchone()[0]
        key = base64.urlsafe_b64encode(hashlib.sha256(API_SECRET.encode()).digest())
        self.canaries[name] = Fernet(key).decrypt(sealed.encode()).decode()

    async def trade(self) -> None:
        """By path, by field and by hand; understood and not; filled, refused, lost and unknown."""
        stage = self.stage
        first = await stage.alert({**SEED_ALERT, "secret": SECRET}, path="")
        await stage.settled(first["alert_id"], "filled")
        for body in (
            f'{{"secret": "{SECRET}", "action": "BUY", "strike": "{SECRET}"}}'.encode(),
            f"secret={SECRET} SELL {{{{close}}}}".encode(),
            f'{{"action": "BUY" "secret": "{SECRET}"'.encode(),
        ):
            await stage.alert(body, path="")
        await stage.alert({**SEED_ALERT, "secret": GUESSED}, path="")
        await stage.alert(path=f"/{GUESSED}")
        await stage.alert(path=f"/{SECRET}?wait=oops&secret={SECRET}")
        asked = await stage.alert({**SEED_ALERT, "strategy": "asked", "strike": 24100})
        await stage.message("Approve?")
        await stage.press("Approve")
        await stage.settled(asked["alert_id"], "filled")
        await self.fault(kind="drop", route="POST /orders/*", accepted=True)
        lost = await stage.alert({**SEED_ALERT, "strike": 24200})
        await stage.settled(lost["alert_id"], "filled", within=60)
        await self.fault(
            kind="refuse",
            route="POST /orders/*",
            code=400,
            error_type="InputException",
            message=f"api_key={API_KEY} access_token={self.canaries['access_token']} is odd",
        )
        refused = await stage.alert({**SEED_ALERT, "strike": 24300})
        await stage.settled(refused["alert_id"], "failed", "refused")

    async def trouble(self) -> None:
        """The token dies, a restart, the session is gone; then the kill switch."""
        stage = self.stage
        await stage.kill_gateway()
        await stage.start_gateway()
        await self.fault(kind="kill_token", route="*")
        dead = await stage.alert({**SEED_ALERT, "strike": 24400})
        await stage.settled(dead["alert_id"], "failed", "refused", "unknown")
        await stage.say("/status")
        await stage.say("/logs")
        await stage.say("/killswitch")
        await stage.message("Stop everything?")
        await stage.press("Stop")
        await stage.message("Kill switch on")

    async def look_in(self) -> None:
        """Each page, as its owner and as a stranger; each command."""
        stage = self.stage
        owner = {"Authorization": f"Bearer {SECRET}"}
        with closing(sqlite3.connect(stage.folder / "data" / "manjha.db")) as opened:
            ids = [row[0] for row in opened.execute("SELECT id FROM alerts")]
        pages = ["/metrics", "/readyz", "/healthz", "/kite/callback?status=success&request_token=x&state=y"]
        for page in [*pages, *(f"/alerts/{alert_id}" for alert_id in ids)]:
            async with stage.http.get(f"{stage.url}{page}", headers=owner) as answer:
                self.seen[f"GET {page}"] = await answer.text()
        config = ("--config", str(stage.folder / "config.json"))
        for command in (["check"], ["status"], ["backup", str(stage.folder / "copy.db")]):
            self.seen[f"manjha {command[0]}"] = (await manjha(stage, command[0], *config, *command[1:]))[1]
        told = json.dumps([message for message in await stage.messages() if message["from_bot"]])
        # Kite's own login page is named with the api_key (facts/kite.md 1.1): the reminder's button.
        login_page = re.escape(stage.paper["login_url"]) + rf"\?[^\"]*api_key={API_KEY}(?=[&\"])"
        self.seen["phone"] = re.sub(login_page, "Kite's login page", told)

    def left(self) -> dict[str, bytes]:
        """All that was seen, and every file the gateway wrote; not its configuration, nor the others' own."""
        others = {"config.json", "exchange", "telegram", "exchange.log", "phone.log"}
        files = {
            str(path.relative_to(self.stage.folder)): path.read_bytes()
            for path in self.stage.folder.rglob("*")
            if path.is_file() and path.relative_to(self.stage.folder).parts[0] not in others
        }
        return {**files, **{name: text.encode() for name, text in self.seen.items()}}


async def test_after_a_whole_day_no_secret_is_in_any_log_database_backup_message_or_page(
    stage: Stage,
) -> None:
    day = Day(stage)
    await day.morning()
    await day.trade()
    await day.trouble()
    await day.look_in()
    left = day.left()
    assert {"logs/app.log", "gateway.log", "data/manjha.db", "copy.db", "phone"} <= set(left)
    assert all(len(text) > 100 for name, text in left.items() if name in {"phone", "GET /metrics"})
    found = [
        f"{name} in {place}"
        for place, text in left.items()
        for name, canary in day.canaries.items()
        for spelling in {canary, quote(canary, safe="")}
        if spelling.encode() in text
    ]
    assert found == []
    assert any(USER.encode() in text for text in left.values())  # the search finds what is there
