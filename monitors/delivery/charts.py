"""A small trend picture: series in, PNG out. Pure: the same series give the same bytes.

Values stand with their dates and units; a stretch without results is shown as one, never bridged by a line; a change of
assay is marked, for values of two assays do not compare. No colour says what no shape says. Legible at a phone's width.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure

GAP = timedelta(days=75)  # longer without a result: the line is broken
WIDTH, PANEL, DRUG, DPI = 6.0, 2.1, 0.34, 120  # inches; 720 pixels wide
BLUE, ORANGE, GREY, BAND = "#0072B2", "#D55E00", "#555555", "#BBD9CE"  # apart for every kind of colour vision
MOST = 6  # values of an analyte that carry their number


@dataclass(frozen=True)
class Point:
    """One value. comparator: '' or < or > of a censored one. assay: '' where it is not stated."""

    day: date
    value: float
    comparator: str = ""
    assay: str = ""


@dataclass(frozen=True)
class Series:
    """One analyte, oldest value first. low, high: the target band, each None where there is none."""

    name: str
    unit: str
    points: tuple[Point, ...]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Period:
    """A drug from its first to its last day; last None: it goes on."""

    drug: str
    first: date
    last: date | None = None


def trend(series: Sequence[Series], periods: Sequence[Period], until: date) -> bytes:
    """The picture up to `until`, one panel a series, the drugs below them, on one time axis. Raises ValueError when there is
    no value at all: then there is nothing honest to draw."""
    drawn = [one for one in series if one.points]
    if not drawn:
        raise ValueError("There is no value to draw.")
    start = min(one.points[0].day for one in drawn) - timedelta(days=10)
    heights = [PANEL] * len(drawn) + ([0.35 + DRUG * len(periods)] if periods else [])
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.5), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axis, one in zip(axes, drawn, strict=False):
        _panel(axis, one, until)
    if periods:
        _drugs(axes[-1], periods, start, until)
    axes[0].set_xlim(_at(start), _at(until + timedelta(days=6)))
    axes[-1].xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))  # type: ignore[no-untyped-call]
    axes[-1].xaxis.set_major_formatter(DateFormatter("%d %b %y"))  # type: ignore[no-untyped-call]
    axes[-1].tick_params(axis="x", labelsize=11)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def runs(points: Sequence[Point]) -> Iterator[tuple[Point, ...]]:
    """The stretches that may be joined by a line: no gap and no change of assay within one."""
    run: list[Point] = []
    for point in points:
        if run and (point.day - run[-1].day > GAP or point.assay != run[-1].assay):
            yield tuple(run)
            run = []
        run.append(point)
    if run:
        yield tuple(run)


def _at(day: date) -> float:
    """A day on the axis: days since 1970, as matplotlib counts."""
    return float((day - date(1970, 1, 1)).days)


def _panel(axis: Axes, one: Series, until: date) -> None:
    values = [point.value for point in one.points]
    known = [*values, *(limit for limit in (one.low, one.high) if limit is not None)]
    room = (max(known) - min(known)) * 0.28 or abs(known[0]) * 0.1 or 1.0
    bottom, top = max(0.0, min(known) - room), max(known) + room * 1.5
    axis.set_ylim(bottom, top)
    if one.low is not None or one.high is not None:
        axis.axhspan(bottom if one.low is None else one.low, top if one.high is None else one.high, color=BAND, lw=0, zorder=0)
    for run in runs(one.points):
        axis.plot([_at(p.day) for p in run], [p.value for p in run], color=BLUE, lw=1.6, zorder=2)
    for point in one.points:
        outside = (one.high is not None and point.value > one.high) or (one.low is not None and point.value < one.low)
        axis.plot([_at(point.day)], [point.value], marker="s" if outside else "o", ms=7, color=ORANGE if outside else BLUE,
                  mfc="white" if point.comparator else (ORANGE if outside else BLUE), mew=1.6, zorder=3)  # fmt: skip
    for point in one.points[-MOST:]:
        axis.annotate(f"{point.comparator}{point.value:g}", (_at(point.day), point.value), xytext=(0, 8),
                      textcoords="offset points", ha="center", fontsize=11, zorder=4)  # fmt: skip
    for earlier, later in zip(one.points, one.points[1:], strict=False):
        if later.day - earlier.day > GAP:
            _gap(axis, earlier.day, later.day)
        if later.assay != earlier.assay:
            middle = _at(earlier.day + (later.day - earlier.day) / 2)
            axis.axvline(middle, color=GREY, ls="--", lw=1.2)
            axis.annotate(f" {later.assay or 'assay not stated'}", (middle, top), va="top", fontsize=9.5, color=GREY)
    if until - one.points[-1].day > GAP:
        _gap(axis, one.points[-1].day, until)
    axis.set_title(f"{one.name}, {one.unit}{_band(one)}", loc="left", fontsize=11.5, fontweight="bold")
    axis.tick_params(axis="y", labelsize=11)
    axis.spines[["top", "right"]].set_visible(False)


def _gap(axis: Axes, first: date, last: date) -> None:
    axis.axvspan(_at(first + timedelta(days=4)), _at(last - timedelta(days=4)), facecolor="none", edgecolor="#BBBBBB",
                 hatch="//", lw=0, zorder=1)  # fmt: skip
    days = f"{(last - first).days} days\nwithout result"
    axis.annotate(days, (_at(first + (last - first) / 2), 0.5), xycoords=("data", "axes fraction"), ha="center", va="center",
                  fontsize=9.5, color=GREY, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip


def _band(one: Series) -> str:
    """The target band in words, so that the shading needs no legend."""
    if one.low is None and one.high is None:
        return ""
    if one.low is None:
        return f"   (shaded: up to {one.high:g})"
    return f"   (shaded: {one.low:g} or more)" if one.high is None else f"   (shaded: {one.low:g} to {one.high:g})"


def _drugs(axis: Axes, periods: Sequence[Period], start: date, until: date) -> None:
    for row, period in enumerate(reversed(periods)):
        first, last = max(period.first, start), min(period.last or until, until)
        axis.broken_barh([(_at(first), max(1.0, _at(last) - _at(first)))], (row + 0.12, 0.76),
                         facecolor="#D9D9D9", edgecolor=GREY)  # fmt: skip
        since, end = f"{period.first:%d %b %y}", f"to {period.last:%d %b %y}" if period.last else "on"
        late = first - start > (until - start) / 2  # a bar too short for its words: they stand before it
        axis.annotate(f"{period.drug}, {since} {end}", (_at(first), row + 0.5), xytext=(-4 if late else 4, 0),
                      textcoords="offset points", ha="right" if late else "left", va="center", fontsize=10)  # fmt: skip
    axis.set_ylim(0, len(periods))
    axis.set_yticks([])
    axis.set_title("Drugs on the lists", loc="left", fontsize=11.5, fontweight="bold")
    axis.spines[["top", "right", "left"]].set_visible(False)
