"""Two plain charts as SVG text: lines over months, and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 300, 56, 46, 40
COLOURS = ("#1b5e9b", "#b35c00", "#3d7a3d", "#7a3d7a")
DASHES = ("", "6 3", "2 3", "8 3 2 3")


def _page(title: str, height: int, body: Sequence[str]) -> str:
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" '
            f'role="img" aria-label="{escape(title)}">')  # fmt: skip
    return "\n".join([
        head, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" fill="#111111">{escape(title)}</text>', *body, "</svg>", "",
    ])  # fmt: skip


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333333">{escape(text)}</text>'


def lines(
    title: str, along: Sequence[int], series: Mapping[str, Sequence[float]], levels: Mapping[str, float], below: str
) -> str:
    """series: name -> one value a place of `along`; levels: name -> a horizontal line."""
    top = max([*(value for values in series.values() for value in values), *levels.values()]) * 1.1
    right, floor = WIDTH - 160, HEIGHT - BOTTOM

    def x(place: int) -> float:
        return LEFT + (right - LEFT) * place / max(len(along) - 1, 1)

    def y(value: float) -> float:
        return floor - (floor - TOP) * value / top

    body = [f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="#333333"/>']
    body.append(_text((LEFT + right) / 2, HEIGHT - 10, below))
    step = max(1, round(top / 5))
    body += [_text(LEFT - 8, y(value) + 4, str(value), "end") for value in range(0, int(top) + 1, step)]
    body += [_text(x(place), floor + 16, str(name)) for place, name in enumerate(along) if place % 3 == 0]
    for name, value in levels.items():
        body.append(f'<path d="M{LEFT} {y(value):.1f}H{right}" stroke="#888888" stroke-dasharray="1 3"/>')
        body.append(_text(right + 8, y(value) + 4, name, "start"))
    for place, (name, values) in enumerate(series.items()):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(values))
        body.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}" stroke-width="2" '
                    f'stroke-dasharray="{DASHES[place]}"/>')  # fmt: skip
        body.append(_text(right + 8, y(values[-1]) - 6, name, "start"))
    return _page(title, HEIGHT, body)


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """groups: name -> {name of a bar: value}; values are printed, so that no bar needs a scale."""
    rows = sum(len(one) for one in groups.values())
    height = TOP + 18 * rows + 10 * len(groups) + 20
    longest = max(value for one in groups.values() for value in one.values()) or 1.0
    left, body, down = 280, [], float(TOP)
    for group, one in groups.items():
        for place, (name, value) in enumerate(one.items()):
            width = (WIDTH - left - 90) * value / longest
            body.append(_text(left - 8, down + 12, f"{group}: {name}", "end"))
            body.append(f'<rect x="{left}" y="{down:.0f}" width="{width:.1f}" height="14" fill="{COLOURS[place % 4]}"/>')
            body.append(_text(left + width + 6, down + 12, f"{value:.2f}", "start"))
            down += 18
        down += 10
    body.append(_text(left, down + 8, unit, "start"))
    return _page(title, height, body)
