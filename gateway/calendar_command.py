"""`manjha calendar`: the next ten days; a day added, taken back; a year declared whole."""

import argparse
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from config.market import calendar
from gateway.domain.errors import Refusal
from gateway.domain.market import Calendar, utc_now
from gateway.trading_days import additions, day_words, hours_of, next_days
from storage import calendar_days
from storage.notices import Outbox

_BY = "the command line"


def add_parser(below: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and what it takes."""
    summary = "the next ten trading days; days added to the calendar"
    command = below.add_parser("calendar", help=summary, description=summary)
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("--config", type=Path, default=None, help="the configuration file")
    command.set_defaults(config=None, act="show")
    acts = command.add_subparsers(dest="act")
    acts.add_parser("show", parents=[config], help="the next ten days")
    add = acts.add_parser("add", parents=[config], help="days that are closed, or have their own hours")
    add.add_argument("days", nargs="+", type=date.fromisoformat, metavar="YYYY-MM-DD")
    how = add.add_mutually_exclusive_group(required=True)
    how.add_argument("--closed", dest="hours", action="store_const", const=calendar_days.CLOSED)
    how.add_argument("--hours", metavar="HH:MM-HH:MM", help="IST, such as 18:00-19:00")
    remove = acts.add_parser("remove", parents=[config], help="days as the calendar's file has them again")
    remove.add_argument("days", nargs="+", type=date.fromisoformat, metavar="YYYY-MM-DD")
    complete = acts.add_parser("complete", parents=[config], help="all holidays of a year were added")
    complete.add_argument("year", type=int, metavar="YYYY")


def run(connection: Connection, outbox: Outbox, arguments: argparse.Namespace, *, always: bool) -> str:
    """Does it and returns what to print. Raises Refusal. A running gateway takes it up within seconds."""
    now = utc_now()
    if arguments.act == "add":
        hours_of(arguments.hours)
        for day in arguments.days:
            calendar_days.add(connection, day, arguments.hours, _BY, now)
    elif arguments.act == "remove":
        for day in arguments.days:
            if not calendar_days.remove(connection, day, _BY, now):
                raise Refusal("day", f"{day} was not added")
    elif arguments.act == "complete":
        calendar_days.complete(connection, arguments.year, _BY, now)
    known = Calendar(data=calendar(), added=additions(connection))
    if arguments.act == "complete":
        said = [f"{arguments.year} counts as known: weekdays trade but for its holidays."]
    elif arguments.act in {"add", "remove"}:
        said = [f"{day:%a %d %b %Y} {day_words(known, day)}" for day in arguments.days]
    else:
        lines = next_days(known, now)
        lines += ["market.hours is always: practice trades on each of these days."] if always else []
        return "\n".join(lines)
    outbox.tell(connection, "📅 <b>Trading calendar</b>: " + "; ".join(said), at=now)
    return "\n".join([*said, "In force in a running gateway within seconds."])
