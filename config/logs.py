"""Logging: JSON lines in log_dir/app.log, short lines on stderr, and no secret in either."""

import json
import logging
import os
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

from config.faults import ConfigurationError, Fault
from config.redaction import Redactor, escaped, shortened
from config.secrets import secret_values
from config.settings import Settings

FILE_NAME = "app.log"
_FILE_BYTES = 10_000_000
_FILES = 10
#: httpx prints the bot's token at INFO, aiohttp.access the webhook's secret (facts/reliability.md 1.8).
_QUIET = ("httpx", "httpcore", "urllib3", "aiohttp.access", "alembic", "apscheduler", "matplotlib", "PIL")
_RESERVED = ("time", "level", "logger", "event", "exception", "stack")

_redactor = Redactor()
_handlers: list[logging.Handler] = []


def configure_logging(settings: Settings, *, stderr: bool) -> None:
    """Sends every log record of this process to log_dir/app.log (0600, rotated) and, if asked, to stderr.

    May be called again: the handlers of the last call are replaced. Raises ConfigurationError when the file
    cannot be written.
    """
    _redactor.add(*secret_values(settings))
    handlers: list[logging.Handler] = [_file_handler(settings.log_dir)]
    if stderr:
        handlers.append(_stderr_handler())
    _install(handlers)
    _configure_structlog()
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def add_secret(value: str) -> None:
    """From now on `value`, such as the day's access token, is redacted in every log line."""
    _redactor.add(value)


def redact(text: str) -> str:
    """`text` without the secrets of this process, for what is shown elsewhere, such as in a message."""
    return _redactor.text(text)


class RedactionFilter(logging.Filter):
    """Sits on the handlers, so that no logger can pass it by; cleans message, fields and traceback."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass; cleaned once, whatever the number of handlers."""
        if getattr(record, "clean", False):
            return True
        record.msg, record.args = self._redactor.value(_message(record)), None
        record.fields = self._redactor.value(getattr(record, "fields", {}))
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = _lines(self._redactor.text(record.exc_text))
        if record.stack_info:
            record.stack_info = _lines(self._redactor.text(record.stack_info))
        record.exc_info, record.clean = None, True
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, event, the fields, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Expects a record that has been through RedactionFilter."""
        line = {
            "time": _time(record, "milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.msg,
        }
        fields: dict[str, Any] = getattr(record, "fields", {})
        line |= {f"{key}_" if key in _RESERVED else key: value for key, value in fields.items()}
        line |= {"exception": record.exc_text} if record.exc_text else {}
        line |= {"stack": record.stack_info} if record.stack_info else {}
        return json.dumps(line, ensure_ascii=False, default=str)


class ShortLines(logging.Formatter):
    """For the eye: time (UTC), level, event, key=value; a traceback is indented, no record can be forged."""

    def format(self, record: logging.LogRecord) -> str:
        """Expects a record that has been through RedactionFilter."""
        fields: dict[str, Any] = getattr(record, "fields", {})
        words = [_time(record, "seconds"), f"{record.levelname:<7}", str(record.msg)]
        words += [f"{key}={_word(value)}" for key, value in fields.items()]
        below = [text for text in (record.exc_text, record.stack_info) if text]
        return "\n".join([" ".join(words), *("    " + line for text in below for line in text.splitlines())])


class _PrivateFile(RotatingFileHandler):
    """Files that the owner alone can read, also after rotation."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def _file_handler(folder: Path) -> logging.Handler:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = _PrivateFile(folder / FILE_NAME, maxBytes=_FILE_BYTES, backupCount=_FILES - 1)
    except OSError as error:
        sentence = f"{error.filename or folder} cannot be written: {error.strerror}"
        raise ConfigurationError([Fault(key="log_dir", sentence=sentence)]) from error
    return _prepared(handler, JsonLines())


def _stderr_handler() -> logging.Handler:
    return _prepared(logging.StreamHandler(sys.stderr), ShortLines())


def _prepared(handler: logging.Handler, formatter: logging.Formatter) -> logging.Handler:
    handler.setFormatter(formatter)
    handler.addFilter(RedactionFilter(_redactor))
    return handler


def _install(handlers: list[logging.Handler]) -> None:
    root = logging.getLogger()
    for old in _handlers:
        root.removeHandler(old)
        old.close()
    _handlers[:] = handlers
    for new in handlers:
        root.addHandler(new)
    root.setLevel(logging.INFO)


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            _as_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _as_record(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog's event as a stdlib logger's arguments; under `fields`, names such as `name` do not clash."""
    known = {key: event.pop(key) for key in ("exc_info", "stack_info") if key in event}
    return {"msg": event.pop("event"), **known, "extra": {"fields": dict(event)}}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (
        TypeError,
        ValueError,
    ):  # a library's format does not fit its arguments: lose the form, not the words
        return f"{record.msg} {record.args}"


def _lines(text: str) -> str:
    return shortened("\n".join(escaped(line) for line in text.split("\n")))


def _time(record: logging.LogRecord, precision: str) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) and set(' "=') & set(text) else text
