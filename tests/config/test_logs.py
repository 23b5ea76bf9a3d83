"""What reaches the log file and stderr: every record, once, on one line, with no secret in it."""

import json
import logging
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import pytest
import structlog

from config import logs
from config.redaction import REDACTED
from config.settings import ConfigurationError, Settings
from tests.config.conftest import live

Lines = Callable[[], list[dict[str, Any]]]
CANARIES = (
    "oa5Wm4-mGJrh7nYdQk2z",
    "hush-api-secret",
    "key0123456789",
    "hush-session",
    "7123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(live(log_dir=str(tmp_path / "logs")))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    level = logging.root.level
    yield
    logs._install([])
    logging.root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def lines(settings: Settings) -> Lines:
    """Logging to the file alone, and what the file then holds."""
    logs.configure_logging(settings, stderr=False)
    return lambda: [json.loads(line) for line in (settings.log_dir / "app.log").read_text().splitlines()]


def test_a_record_is_one_json_line_with_its_fields(lines: Lines) -> None:
    structlog.get_logger("gateway.intake").info(
        "alert stored", alert_id="a1", name="RSI", args=[1], level="x"
    )
    (line,) = lines()
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.utcoffset() is not None
    assert line == {
        "level": "info",
        "logger": "gateway.intake",
        "event": "alert stored",
        "alert_id": "a1",
        "name": "RSI",
        "args": [1],
        "level_": "x",
    }


def test_bound_context_is_in_every_line(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(alert_id="a7"):
        structlog.get_logger().warning("refused")
    assert lines()[0]["alert_id"] == "a7"


def test_stdlib_records_are_in_the_same_form(lines: Lines) -> None:
    logging.getLogger("aiosqlite").warning("%s of %d", "one", 2)
    assert (lines()[0]["event"], lines()[0]["logger"]) == ("one of 2", "aiosqlite")


def test_a_record_whose_format_does_not_fit_is_kept(lines: Lines) -> None:
    logging.getLogger("odd").warning("%d apples", "many")
    assert "apples" in lines()[0]["event"]
    assert "many" in lines()[0]["event"]


def test_an_exception_brings_its_traceback(lines: Lines) -> None:
    try:
        raise RuntimeError("no way")
    except RuntimeError:
        structlog.get_logger().exception("failed", step="x")
    assert "RuntimeError: no way" in lines()[0]["exception"]
    assert "Traceback" in lines()[0]["exception"]


def test_a_stack_that_was_asked_for_is_kept(lines: Lines) -> None:
    structlog.get_logger().warning("how did we get here", stack_info=True)
    assert "test_a_stack_that_was_asked_for_is_kept" in lines()[0]["stack"]


def test_no_secret_reaches_the_file_or_stderr(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logging(settings, stderr=True)
    logs.add_secret("hush-session")
    log, plain = structlog.get_logger("gateway"), logging.getLogger("urllib3")
    for canary in CANARIES:
        log.info(f"message {canary}")
        log.info("fields", url=f"/x/{canary}", deep={"list": [canary], canary: 1})
        log.info("positional %s", canary)
        plain.warning("args %s %r", canary, {"key": canary})
        try:
            raise ValueError(canary)
        except ValueError:
            plain.error("traceback", exc_info=True)
            log.exception("traceback", error=ValueError(canary))
    written = (settings.log_dir / "app.log").read_text() + capsys.readouterr().err
    assert written.count(REDACTED) > 7 * len(CANARIES)
    assert [canary for canary in CANARIES if canary in written] == []


def test_redact_serves_other_texts_too(settings: Settings) -> None:
    logs.configure_logging(settings, stderr=False)
    assert logs.redact("Kite said: hush-api-secret is wrong") == f"Kite said: {REDACTED} is wrong"


@pytest.mark.parametrize("name", ["httpx", "httpcore", "urllib3", "aiohttp.access"])
def test_libraries_that_print_secrets_are_quiet(lines: Lines, name: str) -> None:
    logging.getLogger(name).info("HTTP Request: POST /")
    logging.getLogger(name).warning("kept")
    assert [line["event"] for line in lines()] == ["kept"]


def test_nobody_writes_a_line_of_the_log_for_us(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure_logging(settings, stderr=True)
    forged = 'x\n{"level": "info", "event": "order filled"}\r\n2026-11-23T09:15:00Z INFO    order filled'
    structlog.get_logger().info("alert", body=forged)
    logging.getLogger("aiohttp.server").warning(forged)
    try:
        raise ValueError(forged)
    except ValueError:
        structlog.get_logger().exception("failed")
    assert len((settings.log_dir / "app.log").read_text().splitlines()) == 3
    shown = capsys.readouterr().err.splitlines()
    assert len([line for line in shown if not line.startswith("    ")]) == 3


def test_stderr_is_short_and_for_the_eye(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logging(settings, stderr=True)
    structlog.get_logger().info("alert stored", alert_id="a1", strategy="RSI Divergence", lots=2)
    words = capsys.readouterr().err.strip().split(" ", 1)
    assert words[0].endswith("Z")
    assert words[1] == 'INFO    alert stored alert_id=a1 strategy="RSI Divergence" lots=2'


def test_the_file_is_the_owners_alone_also_after_rotation(settings: Settings) -> None:
    settings.log_dir.mkdir(mode=0o700)
    (settings.log_dir / "app.log").touch(mode=0o644)
    logs.configure_logging(settings, stderr=False)
    (handler,) = (handler for handler in logs._handlers if isinstance(handler, RotatingFileHandler))
    structlog.get_logger().info("before")
    handler.doRollover()
    structlog.get_logger().info("after")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.log_dir.iterdir()}
    assert modes == {"app.log": 0o600, "app.log.1": 0o600}
    assert stat.S_IMODE(settings.log_dir.stat().st_mode) == 0o700


def test_configuring_twice_does_not_write_twice(settings: Settings, lines: Lines) -> None:
    logs.configure_logging(settings, stderr=False)
    structlog.get_logger().info("once")
    assert len(lines()) == 1


def test_a_folder_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file stands in the way")
    with pytest.raises(ConfigurationError) as caught:
        logs.configure_logging(Settings(log_dir=tmp_path / "logs"), stderr=False)
    assert caught.value.faults[0].key == "log_dir"
