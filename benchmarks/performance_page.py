"""docs/performance.md and its picture, from the results that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

NOTES = Path(__file__).resolve().parent / "performance_notes.md"
TITLES = {
    "ingest": "Ingest: the month's results of every patient, 8 each, from CSV files",
    "judging": "Judging: 13 months of results, 24 rules",
    "nights": "Nights: 13 months of results, then whole nights of `pipeline.night`",
}
CURVES = {  # part, line -> name on the picture
    ("ingest", "ingest: receive + check"): "ingest of a month", ("judging", "judging: all 24 rules, evidence built"): "judging",
    ("judging", "bare ADBC fetch of five columns"): "bare fetch", ("nights", "a full night"): "a full night",
    ("nights", "an idle night"): "an idle night",
}  # fmt: skip
HEAD = """# How fast, how large

Written by `make bench` from `benchmarks/results`; `python -m benchmarks.performance --page` writes it anew. Seconds depend on the
machine; **ratios, measured side by side in one run, are what to look at**. What one ratio compares was run one after the other on
one server, each in a process of its own; different parts and sizes may be of different times, each with its load. Patients,
results and sites are made up from one seed. Peak memory is that of the process, without PostgreSQL's.
"""
COPIED = """The bare rows are canonical already and in memory, and go by binary COPY into a temporary table and by `INSERT ... ON
CONFLICT DO NOTHING` into one of the same columns, checks and indexes, without foreign keys.
"""
Results = dict[str, dict[int, dict[str, Any]]]  # part -> patients -> what was measured


def read(folder: Path) -> Results:
    found: Results = {part: {} for part in TITLES}
    for path in sorted(folder.glob("*-*.json")):
        one = json.loads(path.read_text(encoding="utf-8"))
        found[one["part"]][one["patients"]] = one
    return {part: dict(sorted(sizes.items())) for part, sizes in found.items()}


def write(results: Path, docs: Path) -> None:
    found = read(results)
    picture(found, docs / "performance.svg")
    (docs / "performance.md").write_text("\n".join(page(found)) + "\n", encoding="utf-8")


def page(found: Results) -> Iterator[str]:
    yield HEAD
    yield from targets(found)
    yield "![Seconds by number of patients](performance.svg)\n"
    for part, sizes in found.items():
        if sizes:
            yield from section(part, sizes)
    yield from machines(found)
    if NOTES.exists():
        yield NOTES.read_text(encoding="utf-8").rstrip()


# ------------------------------------------------------------------------------------------------- numbers
def seconds(one: dict[str, Any], what: str) -> float:
    return next(line["seconds"] for line in one["lines"] if line["what"] == what)


def ratios(part: str, one: dict[str, Any]) -> dict[str, float]:
    """What the design bounds, of one part at one size."""
    if part == "ingest":
        return {"speed": seconds(one, "bare COPY + upsert of the same rows") / seconds(one, "ingest: receive + check")}
    if part == "judging":
        whole = seconds(one, "judging: all 24 rules, evidence built")
        fetch, sql = (seconds(one, what) for what in ("bare ADBC fetch of five columns", "SQL by hand: both"))
        return {"fetch": whole / fetch, "sql": whole / sql}
    return {}


def judged_by(value: float, limit: float, most: bool) -> str:
    """met, or missed by how much."""
    if value <= limit if most else value >= limit:
        return "met"
    return f"**missed** by a factor of {value / limit if most else limit / value:.2f}"


def targets(found: Results) -> Iterator[str]:
    yield "## Targets\n"
    yield "| what | target | patients | measured | |\n| --- | --- | ---: | ---: | --- |"
    for patients, one in found["judging"].items():
        ratio = ratios("judging", one)
        yield f"| judging / bare fetch | at most 3 | {patients:,} | {ratio['fetch']:.2f} | {judged_by(ratio['fetch'], 3, True)} |"
        yield (f"| judging (24 rules) / R01 + R10 by hand in SQL | below 1 | {patients:,} | {ratio['sql']:.2f} | "
               f"{judged_by(ratio['sql'], 1, True)} |")  # fmt: skip
    for patients, one in found["ingest"].items():
        speed = ratios("ingest", one)["speed"]
        yield (f"| ingest, share of the speed of bare COPY + upsert | at least 0.5 | {patients:,} | {speed:.2f} | "
               f"{judged_by(speed, 0.5, False)} |")  # fmt: skip
    for part, what in CURVES:
        if what.startswith("bare"):
            continue
        sizes = list(found[part])
        for small, large in pairwise(sizes):
            times = seconds(found[part][large], what) / seconds(found[part][small], what)
            limit = 11 * (large / small) / 10
            yield (f"| growth of {what.removeprefix('ingest: ')} from {small:,} | at most {limit:g} times | {large:,} | "
                   f"{times:.1f} | {judged_by(times, limit, True)} |")  # fmt: skip
    for part, sizes in found.items():
        for patients, one in sizes.items():
            most = max((line["peak"] for line in own(part, one) if "peak" in line), default=0)
            yield f"| memory of one process, {part} | at most 1 GiB | {patients:,} | {most:.2f} | {judged_by(most, 1, True)} |"
    yield ""


def own(part: str, one: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """The lines that are ours, not a rival's."""
    return one["lines"] if part == "nights" else one["lines"][:1]


def section(part: str, sizes: dict[int, dict[str, Any]]) -> Iterator[str]:
    yield f"## {TITLES[part]}\n"
    yield "| seconds (peak memory) | " + " | ".join(f"{patients:,} patients" for patients in sizes) + " |"
    yield "| --- |" + " ---: |" * len(sizes)
    names = list(dict.fromkeys(line["what"] for one in sizes.values() for line in one["lines"]))
    blocks = {patients: blocked(one["lines"]) for patients, one in sizes.items()}
    keys = max(blocks.values(), key=len) if blocks else {}
    assert names
    for key in keys:
        cells = []
        for patients in sizes:
            line = blocks[patients].get(key)
            cells.append("not measured" if line is None else f"{line['seconds']:,.2f}" + (
                f" ({line['peak']:.2f} GiB)" if line.get("peak") else ""))  # fmt: skip
        yield f"| {key[1]} | " + " | ".join(cells) + " |"
    yield ""
    for patients, one in sizes.items():
        facts = {name: fact for name, fact in one["facts"].items() if not isinstance(fact, dict)}
        said = "; ".join(f"{name}: {fact:,}" for name, fact in facts.items())
        yield f"- {patients:,} patients: {said}. {when(one)}"
    yield ""
    if part == "judging":
        yield from answers(sizes)
    if part == "ingest":
        yield COPIED
    if part == "nights":
        yield from happened(sizes)


def blocked(lines: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Lines by (the line they are part of, their name)."""
    found, head = {}, ""
    for line in lines:
        head = head if line["what"].startswith("of it: ") else line["what"]
        found[head, line["what"]] = line
    return found


def when(one: dict[str, Any]) -> str:
    began, ended = one["began"], one["ended"]
    return (f"Measured {began['at'][:16].replace('T', ' ')} UTC; load average {began['load'][0]} before, "
            f"{ended['load'][0]} after.")  # fmt: skip


def answers(sizes: dict[int, dict[str, Any]]) -> Iterator[str]:
    yield "Whether the rivals answer the same: how many each finds to fire now and, of them, how many the engine fires for.\n"
    for patients, one in sizes.items():
        for rule, said in one["agreement"].items():
            each = [f"{who} {found['found']:,}" + (f" ({found['fired for']:,})" if "fired for" in found else "")
                    for who, found in said.items()]  # fmt: skip
            yield f"- {patients:,} patients, {rule}: {', '.join(each)}."
    yield "\nR10 by hand is one of the rule's four signals, so the engine fires for more. Where judging itself spends its time:\n"
    for patients, one in sizes.items():
        if one["profile"]:
            said = "; ".join(f"`{line['where']}` {line['share']:.0%}" for line in one["profile"][:8])
            yield f"- {patients:,} patients (under cProfile, own time): {said}."
    yield ""


def happened(sizes: dict[int, dict[str, Any]]) -> Iterator[str]:
    yield "What happened on those nights (messages go to an SMTP stand-in on this machine):\n"
    for patients, one in sizes.items():
        for night in ("full", "idle"):
            found = one["facts"][night]
            changes = ", ".join(f"{number:,} {what}" for what, number in found["changes"].items() if number) or "none"
            messages = ", ".join(f"{number:,} {what}" for what, number in found["messages"].items() if number) or "none"
            yield (f"- {patients:,} patients, {night} night: {found['rows']['stored']:,} rows stored, "
                   f"{found['rows']['quarantined']:,} set aside; changes: {changes}; messages: {messages}.")  # fmt: skip
    yield "\nEach night is a process of its own; checking its first file pays some four seconds for what a process loads once."
    yield "A back-fill of a year is **not run whole**: three of its nights are, and 365 times their mean is an estimate.\n"


def machines(found: Results) -> Iterator[str]:
    yield "## The machine\n"
    about = {json.dumps(one["machine"], sort_keys=True): one["machine"] for sizes in found.values() for one in sizes.values()}
    for one in about.values():
        yield (f"{one['cores']} cores ({one['processor']}), {one['memory_gib']} GiB of memory, "
               f"PostgreSQL {one['postgres']} beside it ({one['server']}), Python {one['python']}. "
               "Judging is one process (a thread of it reads the next shard); PostgreSQL and DuckDB may use all "
               "cores.")  # fmt: skip
    yield ""


# ------------------------------------------------------------------------------------------------- picture
def picture(found: Results, path: Path) -> None:
    """Growth on logarithmic axes; text stays text, and the same numbers give the same file."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nephrowatch", "font.family": "sans-serif"}):
        figure, axes = plt.subplots(figsize=(7.6, 4.2))
        for (part, what), name in CURVES.items():
            sizes = found[part]
            along = [seconds(one, what) for one in sizes.values()]
            if sizes:
                axes.plot(list(sizes), along, marker="o", label=name)
        axes.set(xscale="log", yscale="log", xlabel="patients", ylabel="seconds", title="Seconds by number of patients")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        plt.close(figure)
