"""`python -m monitors.simulate`: judge a made-up unit for two years and write down how many alerts that makes."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitors import config
from monitors.simulate import assumptions
from monitors.simulate.page import charts, page
from monitors.simulate.run import run


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate a unit under the rules of a configuration folder.")
    parser.add_argument("--patients", type=int, default=4000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seed", type=int, default=20260415)
    parser.add_argument("--config", type=Path, default=Path("config"))
    parser.add_argument("--assumptions", type=Path, default=Path("benchmarks/simulated_unit.yaml"))
    parser.add_argument("--out", type=Path, default=Path("docs/burden.md"))
    wanted = parser.parse_args()
    given = assumptions.read(wanted.assumptions)
    result = run(given, config.load(wanted.config), wanted.patients, wanted.months, wanted.seed, said=print)
    wanted.out.write_text(page(result), encoding="utf-8")
    for name, text in charts(result).items():
        (wanted.out.parent / name).write_text(text, encoding="utf-8")
    print(result.counted.rates(["what"]).round(2).to_string())
    print(result.sensitivity.round(3).to_string())
    print(f"{wanted.out} is written.")


if __name__ == "__main__":
    main()
