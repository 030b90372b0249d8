"""Both engines on many made-up patients: `python -m tests.twin --patients 100000 --seed 1 [--processes 2]`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from random import Random

from tests.twin.engine import Compared, catalogue, compare
from tests.twin.made import SITES, Maker
from tests.twin.rows import Verdict

SHARD = 500


def shard(seed: int, number: int, patients: int) -> Compared:
    """One shard of patients of one site. What a patient is like depends on seed and shard only."""
    maker, random = Maker(*catalogue()), Random(f"{seed} {number}")
    people = [maker.patient(random, n) for n in range(1, patients + 1)]
    return compare(people, SITES[number % len(SITES)])


def shards(patients: int) -> list[tuple[int, int]]:
    return [(n, min(SHARD, patients - n * SHARD)) for n in range((patients + SHARD - 1) // SHARD)]


def run(seed: int, patients: int, processes: int) -> Iterator[tuple[int, Compared]]:
    if processes == 1:
        yield from ((n, shard(seed, n, size)) for n, size in shards(patients))
        return
    with ProcessPoolExecutor(processes) as pool:
        jobs = [(n, pool.submit(shard, seed, n, size)) for n, size in shards(patients)]
        yield from ((n, job.result()) for n, job in jobs)


def apart(theirs: Verdict | None, ours: Verdict | None) -> str:
    """Where two verdicts differ, the engine's first."""
    if theirs is None or ours is None:
        return f"engine {theirs}\n  twin {ours}"
    lines = []
    for field in fields(Verdict):
        one, other = getattr(theirs, field.name), getattr(ours, field.name)
        if field.name == "evidence":
            one, other = sorted(one - other, key=str), sorted(other - one, key=str)
        if one != other:
            lines.append(f"\n  {field.name}: engine {one}, twin {other}")
    return f"{ours.outcome} {ours.reason}" + "".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.twin", description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="differences to print")
    parser.add_argument("--rule", help="print differences of this rule only")
    asked = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    by_rule: Counter[str] = Counter()
    patients = findings = differences = shown = uncounted = 0
    for number, compared in run(asked.seed, asked.patients, asked.processes):
        patients, findings = patients + compared.patients, findings + compared.findings
        differences += len(compared.differences)
        uncounted += not compared.same_counts
        for (_, rule, outcome, _), how_many in compared.counts.items():
            counts[rule, outcome] += how_many
        for theirs, ours in compared.differences:
            one = theirs or ours
            assert one is not None
            by_rule[one.rule] += 1
            if shown < asked.show and asked.rule in (None, one.rule):
                shown += 1
                print(f"shard {number}, patient {one.patient_id}, {one.rule}: " + apart(theirs, ours))
        if sys.stderr.isatty():
            print(f"\r{patients} patients, {differences} differences", end="", file=sys.stderr)
    print(f"patients {patients}, findings {findings}, seed {asked.seed}")
    outcomes = ("firing", "holding", "clear", "not_assessable")
    print("rule    " + "".join(f"{name:>16}" for name in outcomes))
    for rule in sorted({rule for rule, _ in counts}):
        print(f"{rule:<8}" + "".join(f"{counts[rule, name]:>16}" for name in outcomes))
    for rule, how_many in sorted(by_rule.items()):
        print(f"differences in {rule}: {how_many}")
    print(f"shards whose counts differ: {uncounted}")
    print(f"differences {differences}")
    return 1 if differences or uncounted else 0


if __name__ == "__main__":
    sys.exit(main())
