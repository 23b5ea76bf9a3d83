"""The rows of indices in an instrument list: where the stream has an underlying's level. Pure."""

import csv
from collections.abc import Collection, Iterable

SEGMENT = "INDICES"


def read_index_tokens(rows: Iterable[str], wanted: Collection[str]) -> dict[str, int]:
    """The instrument tokens of these indices by their keys (`NSE:NIFTY 50`), from a list's CSV lines, header
    first (facts/kite.md 7.1). Rows that cannot be read are passed over."""
    reader = csv.reader(rows)
    column = {name: index for index, name in enumerate(next(reader, []))}
    if not column.keys() >= {"instrument_token", "tradingsymbol", "segment", "exchange"}:
        return {}
    found = {}
    for row in reader:
        if len(row) < len(column) or row[column["segment"]] != SEGMENT:
            continue
        key = f"{row[column['exchange']]}:{row[column['tradingsymbol']]}"
        token = row[column["instrument_token"]]
        if key in wanted and token.isdecimal():
            found[key] = int(token)
    return found
