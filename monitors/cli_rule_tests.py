"""`nephrowatch rules test`: drawn cases of a clinician, judged by the rules of the configuration."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import Json, out, print_json


def judge_cases(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML files of drawn cases: docs/rule-tests.md.")],
    as_json: Json = False,
) -> None:
    """Judge drawn cases by the rules as configured here, and say where an answer is not the one expected."""
    found = {str(path): pipeline.rules_test(path) for path in files}
    wrong = sum(len(case.wrong) for cases in found.values() for case in cases)
    if as_json:
        print_json({path: [asdict(case) for case in cases] for path, cases in found.items()})
    else:
        for path, cases in found.items():
            out.print(path, markup=False)
            for case in cases:
                out.print(f"  {'WRONG' if case.wrong else 'right'}  {case.name}: {case.expected} expected", markup=False)
                for row, rule, words, answer, sentence in case.wrong:
                    out.print(f"         {row} {rule}: expected {words}; judged {answer}. {sentence}".rstrip(), markup=False)
        expected = sum(case.expected for cases in found.values() for case in cases)
        out.print(f"{expected - wrong} of {expected} answers are as expected.", markup=False)
    if wrong:
        raise typer.Exit(1)
