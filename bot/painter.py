"""Draws the picture of a day's profit and loss: JSON on standard input, PNG on standard output.

A process of its own, for as long as it draws: matplotlib would stay in the gateway's memory for ever
(measured: 64 MB resident for the import alone), and drawing would hold up the event loop.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import Any

_IST = timezone(timedelta(hours=5, minutes=30))
_PAPER, _INK, _DIM, _LINE = "#17212b", "#e8eef4", "#8fa3b5", "#2b3a48"
_GAIN, _LOSS, _TOTAL = "#4cc38a", "#ee6a5f", "#ffffff"
_CURVES = ("#5aa9ff", "#f2b84b", "#c58af9", "#4dd0c8", "#ff8fab")


def paint(wanted: Mapping[str, Any]) -> bytes:
    """The PNG. `wanted`: title, subtitle, curves ({label, points: [[seconds, rupees], ...]}, the first is the
    whole), bars ([[date, rupees], ...])."""
    # Imported only here: whoever imports this module does not pay for it.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    # A strategy may be called $x$; that is no formula.
    mpl.rcParams.update({"text.parse_math": False, "font.size": 11, "text.color": _INK})
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(6, 6.4), dpi=150, facecolor=_PAPER, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12, w_pad=0.12)  # type: ignore[union-attr,call-arg]
    day, month = figure.subplots(2, 1, height_ratios=(1.35, 1))
    for axes in (day, month):
        _plain(axes)
    _day(day, wanted)
    _month(month, wanted["bars"])
    picture = BytesIO()
    figure.savefig(picture, format="png", facecolor=_PAPER)
    return picture.getvalue()


def _plain(axes: Any) -> None:
    axes.set_facecolor(_PAPER)
    axes.tick_params(colors=_DIM, labelsize=10, length=0)
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.axhline(0, color=_DIM, linewidth=1)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.yaxis.set_major_formatter(lambda value, _: _rupees(value))


def _day(axes: Any, wanted: Mapping[str, Any]) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter  # noqa: PLC0415

    axes.set_title(wanted["title"], loc="left", fontsize=14, fontweight="bold", color=_INK)
    curves = [curve for curve in wanted["curves"] if curve["points"]]
    if not curves:
        _say(axes, wanted["empty"])
        return
    for number, curve in enumerate(curves):
        moments = [datetime.fromtimestamp(seconds, _IST) for seconds, _ in curve["points"]]
        values = [rupees for _, rupees in curve["points"]]
        whole = number == 0
        color = _TOTAL if whole else _CURVES[(number - 1) % len(_CURVES)]
        axes.step(
            moments, values, where="post", color=color, linewidth=2.6 if whole else 1.8, zorder=3 - whole
        )
        axes.plot(moments[-1], values[-1], "o", color=color, markersize=6 if whole else 4, zorder=4)
    if len(curves) > 1:
        _legend(axes, [curve["label"] for curve in curves])
    locator = AutoDateLocator(minticks=2, maxticks=5, tz=_IST)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    span = curves[0]["points"][-1][0] - curves[0]["points"][0][0]
    shown = "%H:%M" if span > 300 else "%H:%M:%S"
    axes.xaxis.set_major_formatter(DateFormatter(shown, tz=_IST))  # type: ignore[no-untyped-call]
    axes.margins(x=0.03, y=0.12)


def _legend(axes: Any, labels: Sequence[str]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    colors = (_TOTAL, *_CURVES)
    handles = [Line2D([], [], color=colors[number], linewidth=2.4) for number in range(len(labels))]
    # A label that begins with an underscore is hidden by the library.
    legend = axes.legend(
        handles, [f"\u200a{label}" for label in labels], loc="best", fontsize=9, frameon=True, labelcolor=_INK
    )
    legend.get_frame().set(facecolor=_PAPER, edgecolor=_LINE, alpha=0.85)


def _month(axes: Any, bars: Sequence[tuple[str, float]]) -> None:
    axes.set_title("Last 30 days, net", loc="left", fontsize=12, color=_INK)
    if not bars:
        _say(axes, "No trades yet")
        return
    days = [f"{datetime.fromisoformat(day):%d %b}" for day, _ in bars]
    values = [rupees for _, rupees in bars]
    colors = [_GAIN if value >= 0 else _LOSS for value in values]
    axes.bar(range(len(days)), values, color=colors, width=0.7, zorder=3)
    shown = range(0, len(days), max(1, -(-len(days) // 6)))
    axes.set_xticks(list(shown), [days[number] for number in shown])
    # Few days must not become broad slabs.
    room = max(0, 8 - len(days)) / 2
    axes.set_xlim(-0.6 - room, len(days) - 0.4 + room)
    axes.margins(y=0.12)


def _say(axes: Any, words: str) -> None:
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=_DIM, fontsize=12)
    axes.lines[0].set_visible(False)


def _rupees(value: float) -> str:
    """Short, with lakhs and crores: ₹1,250, ₹1.2L, ₹3Cr."""
    size, sign = abs(value), "-" if value < 0 else ""
    if size >= 1e7:
        return f"{sign}₹{size / 1e7:.3g}Cr"
    if size >= 1e5:
        return f"{sign}₹{size / 1e5:.3g}L"
    return f"{sign}₹{size:,.0f}" if size >= 10 or size == int(size) else f"{sign}₹{size:.2f}"


if __name__ == "__main__":
    os.nice(10)
    sys.stdout.buffer.write(paint(json.load(sys.stdin.buffer)))
