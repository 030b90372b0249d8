"""python -m tests.fuzz --format hl7v2 --mutants 1000000 --seed 1"""

from __future__ import annotations

import argparse
import sys

from tests.fuzz import harness


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=harness.__doc__)
    options.add_argument("--format", choices=harness.FORMATS, required=True)
    options.add_argument("--mutants", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--only", type=int, help="print one mutant, and what becomes of it")
    chosen = options.parse_args()
    if chosen.only is not None:
        module = harness.format_module(chosen.format)
        sys.stdout.write(repr(harness.mutant(module, module.seeds(), chosen.seed, chosen.only)) + "\n")
        outcome = harness.run(chosen.format, chosen.seed, chosen.only, 1)
    else:
        outcome = harness.fuzz(
            chosen.format, chosen.mutants, chosen.seed, chosen.processes, lambda line: print(line, file=sys.stderr)
        )
        print(f"{chosen.format}: {chosen.mutants} mutants, seed {chosen.seed}")
    print("\n".join(harness.report(outcome)))
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
