"""Mutated files through a parser, the derivation and the checks: nothing but FeedError may escape, nothing may get lost,
no result may reach another patient.

A format is a module `tests/fuzz/<format>_mutants.py` that gives what `Format` lists. Every mutant has a number; number
and seed alone decide it, so `python -m tests.fuzz --format hl7v2 --seed 1 --only 4711` shows one again.
"""

from __future__ import annotations

import datetime as dt
import importlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import pandas as pd

from monitors import config, quality
from monitors.config import Config
from monitors.errors import FeedError
from monitors.feed_model import Feed
from monitors.feeds import fields

REPOSITORY = Path(__file__).resolve().parent.parent.parent
NOW = dt.datetime(2026, 3, 2, 3, 0, tzinfo=dt.UTC)
BATCH = 10_000
FORMATS = ("csv", "hl7v2", "fhir")


@dataclass
class Reading:
    """What a parser made of one mutant. rows: kind -> its rows, of any shape `Format.frame` and `Format.names` know;
    refused: reason of every refused part; lost: what the file held and neither a row nor a refusal accounts for."""

    rows: Mapping[str, Sequence[Any]]
    refused: Sequence[str] = ()
    lost: Sequence[str] = ()


class Format(Protocol):
    """What `tests/fuzz/<format>_mutants.py` gives.

    OWNERS: every patient number, accession, order number and value of the seeds -> the patient it belongs to (values
    of one patient occur with no other, and no single changed byte turns one patient's into another's). A seed whose end
    was cut off may give no other such text.
    names: the texts of one row that may name an owner; none of a row its parser marks as cut. frame: many rows of one
    kind as `Parsed.frames` has them (row numbers may repeat: the harness numbers them anew).
    """

    OWNERS: Mapping[str, str]

    def seeds(self) -> list[bytes]: ...
    def mutate(self, raw: bytes, rng: random.Random) -> bytes: ...
    def feed(self) -> Feed: ...
    def read(self, raw: bytes, feed: Feed) -> Reading: ...
    def names(self, kind: str, row: Any) -> Iterable[str | None]: ...
    def frame(self, kind: str, rows: Sequence[Any], feed: Feed) -> pd.DataFrame: ...


@dataclass
class Outcome:
    """counts: what became of files, parts and rows, by reason. failures: number of the mutant and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.counts.update(other.counts)
        self.failures.extend(other.failures)


def format_module(name: str) -> Format:
    return cast(Format, importlib.import_module(f"tests.fuzz.{name}_mutants"))


@cache
def site() -> Config:
    return config.load(REPOSITORY / "config")


def mutant(module: Format, seeds: Sequence[bytes], seed: int, number: int) -> bytes:
    rng = random.Random(f"{seed}:{number}")
    return module.mutate(seeds[rng.randrange(len(seeds))], rng)


def run(name: str, seed: int, first: int, count: int) -> Outcome:
    """Mutants first .. first + count - 1 of one format, checked in one batch."""
    module = format_module(name)
    seeds, feed, owners = module.seeds(), module.feed(), module.OWNERS
    outcome = Outcome()
    gathered: dict[str, list[tuple[int, Any]]] = {}
    for number in range(first, first + count):
        raw = mutant(module, seeds, seed, number)
        try:
            reading = module.read(raw, feed)
        except FeedError as refusal:
            outcome.counts[f"files refused: {refusal.reason}"] += 1
            continue
        except Exception as escaped:  # whatever it is, it is the finding
            outcome.failures.append((number, f"{type(escaped).__name__} escaped: {escaped}"[:200]))
            continue
        outcome.counts["files read"] += 1
        for reason in reading.refused:
            outcome.counts[f"parts refused: {reason}"] += 1
        outcome.failures.extend((number, f"lost: {what}") for what in reading.lost)
        cut = any(whole.startswith(raw) for whole in seeds)
        for kind, rows in reading.rows.items():
            for row in rows:
                if cut and (short := {text for text in module.names(kind, row) if text and text not in owners}):
                    outcome.failures.append((number, f"a row of {kind} of a cut file says what was not sent: {len(short)} texts"))
                whose = {owners[text] for text in module.names(kind, row) if text in owners}
                if len(whose) > 1:
                    outcome.failures.append((number, f"a row of {kind} mixes {' and '.join(sorted(whose))}"))
            gathered.setdefault(kind, []).extend((number, row) for row in rows)
    for kind, rows in gathered.items():
        if rows:
            _judge(module, kind, rows, feed, first, outcome)
    return outcome


def _judge(module: Format, kind: str, rows: list[tuple[int, Any]], feed: Feed, first: int, outcome: Outcome) -> None:
    """Derive and check the rows of many mutants as one frame: each must end good or bad, once, with a reason."""
    frame = module.frame(kind, [row for _, row in rows], feed)
    frame["row_no"] = range(1, len(frame) + 1)
    if "accession" in frame:  # one file each: an accession of two patients is so within a mutant only
        frame["accession"] += pd.Series([f"#{number}" for number, _ in rows], dtype="str", index=frame.index)
    try:
        derived = fields.derive(frame, feed, site(), kind)
        checked = quality.check(derived, feed, NOW, kind=kind, history=None, analytes=site().analytes)
    except Exception as escaped:
        outcome.failures.append((first, f"checking {kind}: {type(escaped).__name__} escaped: {escaped}"[:300]))
        return
    ends = [*checked.good["row_no"], *checked.bad["row_no"]]
    if sorted(ends) != list(range(1, len(rows) + 1)):
        outcome.failures.append((first, f"checking {kind}: {len(rows)} rows went in, {len(ends)} came out"))
    if (checked.bad["reason"].fillna("") == "").any():
        outcome.failures.append((first, f"checking {kind}: a rejected row has no reason"))
    outcome.counts[f"{kind}: good rows"] += len(checked.good)
    for reason, number in checked.bad["reason"].value_counts().items():
        outcome.counts[f"{kind}: quarantined: {reason}"] += int(number)


def fuzz(name: str, mutants: int, seed: int, processes: int = 1, said: Callable[[str], None] = lambda line: None) -> Outcome:
    """`mutants` mutants of one format in batches, over `processes` processes."""
    whole = Outcome()
    batches = [(name, seed, first, min(BATCH, mutants - first)) for first in range(0, mutants, BATCH)]
    if processes == 1:
        for done, batch in enumerate(batches, 1):
            whole.add(run(*batch))
            said(f"{name}: {min(done * BATCH, mutants)} of {mutants}, {len(whole.failures)} failures")
        return whole
    with ProcessPoolExecutor(processes) as pool:
        for done, part in enumerate(pool.map(run, *zip(*batches, strict=True)), 1):
            whole.add(part)
            said(f"{name}: {min(done * BATCH, mutants)} of {mutants}, {len(whole.failures)} failures")
    return whole


def report(outcome: Outcome) -> list[str]:
    lines = [f"{count:>10}  {what}" for what, count in sorted(outcome.counts.items())]
    return lines + [f"FAILED      mutant {number}: {what}" for number, what in outcome.failures[:50]]
