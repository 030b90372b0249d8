"""One time line as SVG, drawn here: four measures with their bands, drugs and episodes under them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from markupsafe import Markup, escape

WIDTH, LEFT, RIGHT, PANEL, GAP = 900, 62, 58, 104, 30
BANDS: dict[str, tuple[float | None, float | None, str]] = {  # what the rules call neither low nor high, conventional units
    "phosphate": (None, 5.5, "mg/dL"), "calcium": (8.4, 10.2, "mg/dL"), "product": (None, 55.0, "mg²/dL²"),
    "pth": (None, None, "pg/mL"),
}  # fmt: skip
TITLES = {"phosphate": "Phosphate", "calcium": "Calcium", "product": "Ca×P", "pth": "PTH"}
ENDED = ("resolved", "retracted", "closed")
SHAPES = {"CRITICAL": "◆", "HIGH": "▲", "WARNING": "●"}


@dataclass
class Series:
    """points: (collected, value in the conventional unit, as printed, result id). low, high: the band; None is open."""

    name: str
    title: str
    unit: str
    low: float | None
    high: float | None
    points: list[tuple[datetime, float, str, int]] = field(default_factory=list)


def series_of(rows: Iterable[Mapping[str, Any]], analytes: Mapping[str, Any]) -> list[Series]:
    """Current results -> the four series. Ca×P pairs values of one instant only."""
    names = {model.number: name for name, model in analytes.items()}
    found = {name: Series(name, TITLES[name], unit, low, high) for name, (low, high, unit) in BANDS.items()}
    calcium: dict[datetime, float] = {}
    phosphate: dict[datetime, tuple[float, int]] = {}
    for row in rows:
        name = names.get(row["analyte"], "")
        if name not in found or row["value"] is None:
            continue
        at, value = row["collected_at"], float(row["value"])
        found[name].points.append(
            (at, value, f"{row['comparator']}{row['value_text'].lstrip('<>=')} {row['unit_text']}", row["id"])
        )
        if name == "pth" and row["upper_limit"]:
            found["pth"].low, found["pth"].high = 2 * row["upper_limit"], 9 * row["upper_limit"]
        if name == "calcium" and not row["comparator"]:
            calcium[at] = value
        if name == "phosphate" and not row["comparator"]:
            phosphate[at] = value, row["id"]
    for at in sorted(calcium.keys() & phosphate.keys()):
        product = calcium[at] * phosphate[at][0]
        found["product"].points.append((at, product, f"{product:.0f} mg²/dL²", -phosphate[at][1]))
    return list(found.values())


def time_line(
    series: list[Series], drugs: Iterable[Mapping[str, Any]], episodes: Iterable[Mapping[str, Any]], since: datetime | None,
    now: datetime,
) -> Markup:  # fmt: skip
    """The picture. since None: from the first value on."""
    times = [at for one in series for at, *_ in one.points]
    first = since or min(times, default=now)
    span = max((now - first).total_seconds(), 86_400.0)

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max((at - first).total_seconds() / span, 0.0), 1.0)

    parts: list[str] = []
    top = 24
    for one in series:
        parts += _panel(one, top, x)
        top += PANEL + GAP
    bars = [(str(d["drug_text"]), _noon(d["started_on"]) or first, _noon(d["ended_on"]) or now, "drug") for d in drugs
            if (_noon(d["ended_on"]) or now) >= first]  # fmt: skip
    bars += [(f"{SHAPES.get(e['severity'], '')} {e['severity']} {e['cause_group'].replace('_', ' ')}",
              _noon(e["opened_night"]) or first,
              (_noon(e["changed_night"]) or now) if e["state"] in ENDED else now, "episode")
             for e in episodes if e["state"] not in ENDED or (_noon(e["changed_night"]) or now) >= first]  # fmt: skip
    for text, begin, end, kind in bars[:24]:
        a, b = x(begin), x(end or now)
        parts.append(f'<rect class="bar {kind}" x="{a:.1f}" y="{top}" width="{max(b - a, 3):.1f}" height="16" rx="3"/>')
        if a > WIDTH * 0.62:
            parts.append(f'<text class="tick" x="{a - 6:.1f}" y="{top + 12}" text-anchor="end">{escape(text)}</text>')
        else:
            parts.append(f'<text class="on {kind}" x="{a + 5:.1f}" y="{top + 12}">{escape(text)}</text>')
        top += 21
    parts += _axis(first, now, top, x)
    parts.sort(key=lambda part: part.startswith("<text"))  # no line goes through a word
    words = "; ".join(
        f"{one.title}: {len(one.points)} values" + (f", newest {one.points[-1][2]}" if one.points else "") for one in series
    )
    return Markup(  # noqa: S704 - every text above is escaped
        f'<svg class="line" viewBox="0 0 {WIDTH} {top + 24}" role="img" aria-label="Time line. {escape(words)}. The values '
        f'follow as a table.">{"".join(parts)}</svg>'
    )


def _panel(one: Series, top: int, x: Any) -> list[str]:
    values = [value for _, value, *_ in one.points]
    marks = [m for m in (one.low, one.high) if m is not None]
    low, high = min([*values, *marks], default=0.0), max([*values, *marks], default=1.0)
    pad = (high - low) * 0.15 or 1.0
    low, high = low - pad, high + pad

    def y(value: float) -> float:
        return top + PANEL * (1 - (value - low) / (high - low))

    parts = [f'<rect class="field" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL}"/>']
    if marks:
        upper, lower = y(one.high if one.high is not None else high), y(one.low if one.low is not None else low)
        parts.append(
            f'<rect class="band" x="{LEFT}" y="{upper:.1f}" width="{WIDTH - LEFT - RIGHT}" height="{lower - upper:.1f}"/>'
        )
    for mark in marks:
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>')
    parts.append(f'<text class="name" x="{LEFT}" y="{top - 7}">{one.title} <tspan class="tick">{one.unit}</tspan></text>')
    parts.append(f'<text class="name again" x="{WIDTH - RIGHT}" y="{top - 7}" text-anchor="end">{one.title}</text>')
    silent = "no value in this time" if not one.points else "" if marks else "no limits: the assay's upper limit is not known"
    if silent:
        parts.append(f'<text class="tick" x="{WIDTH / 2}" y="{top + PANEL - 8}" text-anchor="middle">{silent}</text>')
    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value, *_ in one.points)
    parts.append(f'<polyline class="run" points="{line}"/>')
    dense = len(one.points) > 80
    for at, value, text, _ in one.points:
        outside = (one.high is not None and value > one.high) or (one.low is not None and value < one.low)
        title = f"<title>{escape(f'{one.title} {text}, {at:%d %b %Y}')}</title>"
        if outside:  # a shape of its own: never colour alone
            cx, cy, r = x(at), y(value), 3.0 if dense else 5.0
            parts.append(f'<path class="out" d="M{cx:.1f} {cy - r:.1f}l{r:.1f} {2 * r:.1f}h{-2 * r:.1f}z">{title}</path>')
        else:
            parts.append(f'<circle class="in" cx="{x(at):.1f}" cy="{y(value):.1f}" r="{2 if dense else 3.4}">{title}</circle>')
    if one.points:
        at, value, *_ = one.points[-1]
        parts.append(f'<text class="last" x="{WIDTH - RIGHT + 8}" y="{y(value) + 4:.1f}">{value:.0f}</text>' if value >= 50 else
                     f'<text class="last" x="{WIDTH - RIGHT + 8}" y="{y(value) + 4:.1f}">{value:.4g}</text>')
    return parts


def _axis(first: datetime, now: datetime, top: int, x: Any) -> list[str]:
    months = (now.year - first.year) * 12 + now.month - first.month
    step = next((s for s in (1, 2, 3, 6, 12, 24) if months / s <= 9), 36)
    parts, year, month = [], first.year, first.month
    for _ in range(months + 1):
        month += 1
        if month > 12:
            year, month = year + 1, 1
        at = datetime(year, month, 1, tzinfo=UTC)
        if (year * 12 + month - 1) % step == 0 and first < at < now:
            parts.append(f'<line class="grid" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="24" y2="{top}"/>')
            parts.append(f'<text class="tick" x="{x(at):.1f}" y="{top + 16}" text-anchor="middle">{at:%b %y}</text>')
    return parts


def _noon(day: date | None) -> datetime | None:
    return datetime.combine(day, time(12), UTC) if day else None
