"""How fast and how large, side by side with the least anybody could do: writes docs/performance.md (`make bench`).

    python -m benchmarks.performance --patients 2000                  # some minutes
    python -m benchmarks.performance --patients 10000 100000          # an hour
    python -m benchmarks.performance --patients 1000000 --parts ingest
    python -m benchmarks.performance --page                           # the page anew, from results kept

Each part of each size runs in a process of its own on an embedded server of its own, one after another, and its numbers are
kept as benchmarks/results/PART-PATIENTS.json with date and load; the page is made from all that are there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks import performance_page
from benchmarks.performance_parts import PARTS, measure
from benchmarks.shared import ROOT, apart, now

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs="+", default=[10_000])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--page", action="store_true", help="measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of results")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder the page goes into")
    wanted = parser.parse_args()
    wanted.results.mkdir(exist_ok=True)
    for patients in [] if wanted.page else wanted.patients:
        for part in wanted.parts:
            before = now()
            print(f"{before['at']} {part}, {patients:,} patients, load {before['load'][0]}", flush=True)
            with tempfile.TemporaryDirectory(prefix="nephrowatch-benchmark-") as folder:
                places = Path(folder) / "home", Path(folder) / "site"
                found = apart(measure, part, patients, *places)
            kept = {"part": part, "patients": patients, "began": before, "ended": now(), **found}
            text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
            (wanted.results / f"{part}-{patients}.json").write_text(text, encoding="utf-8")
            for one in kept["lines"]:
                print(f"  {one['what']:52} {one['seconds']:10.2f} s", flush=True)
    performance_page.write(wanted.results, wanted.docs)


if __name__ == "__main__":
    main()
