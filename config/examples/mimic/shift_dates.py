"""Shift the dates of the MIMIC-III demo into one season, so that a night has something to judge.

    python shift_dates.py --source DIR --target DIR --last 2026-04-15

Upstream every patient's dates lie somewhere between 2100 and 2202. Each patient is moved by a whole number of
days, so that the last laboratory result falls 1 to 60 days before --last (which day: by subject id); times of
day and all distances within a patient stay. Patients over 89, whose birth upstream lies 300 years back, get a
birth date 91 years before their last result. Columns and all other values are copied as they are.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

DATES = {  # file -> its columns that hold a date
    "labevents.csv": ("charttime",),
    "prescriptions.csv": ("startdate", "enddate"),
    "patients.csv": ("dob", "dod", "dod_hosp", "dod_ssn"),
    "admissions.csv": ("admittime", "dischtime", "deathtime", "edregtime", "edouttime"),
}
SEASON_DAYS = 60
OLDEST_AGE, AGE_OF_THE_OLDEST = 120, 91
WRITTEN = "%Y-%m-%d %H:%M:%S"


def main(arguments: list[str] | None = None) -> int:
    """Run the script; 0, or 2 with one sentence on stderr when a file is missing or wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder with the demo's CSV files")
    parser.add_argument("--target", type=Path, required=True, help="folder to write the shifted files to")
    parser.add_argument(
        "--last", type=date.fromisoformat, required=True, help="the last night, e.g. 2026-04-15"
    )
    chosen = parser.parse_args(arguments)
    try:
        rows = shift(chosen.source, chosen.target, chosen.last)
    except (OSError, ValueError) as problem:
        print(f"shift_dates: {problem}", file=sys.stderr)
        return 2
    print(", ".join(f"{number} rows of {name}" for name, number in rows.items()))
    return 0


def shift(source: Path, target: Path, last: date) -> dict[str, int]:
    """Write the shifted files into `target`; gives rows by file. Raises ValueError and OSError."""
    files = {name: _find(source, name) for name in DATES}
    newest = _newest(files["labevents.csv"])
    moves = {
        subject: (target_day(subject, last), target_day(subject, last) - day)
        for subject, day in newest.items()
    }
    target.mkdir(parents=True, exist_ok=True)
    return {name: _shift_file(path, target / name, DATES[name], moves) for name, path in files.items()}


def target_day(subject: str, last: date) -> date:
    """The day a patient's last laboratory result moves to."""
    return last - timedelta(days=1 + int(subject) % SEASON_DAYS)


def _find(folder: Path, name: str) -> Path:
    """`name` in `folder`, in whatever case it is written there (upstream: upper)."""
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    for path in sorted(folder.iterdir()):
        if path.name.lower() == name:
            return path
    raise ValueError(f"{folder} has no {name}; it needs {', '.join(DATES)}")


def _newest(labevents: Path) -> dict[str, date]:
    newest: dict[str, date] = {}
    for line, row in _rows(labevents):
        day = _read(row["charttime"], labevents, line).date()
        newest[row["subject_id"]] = max(day, newest.get(row["subject_id"], day))
    return newest


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and row, column names in lower case."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        reader.fieldnames = [name.lower() for name in reader.fieldnames or ()]
        if "subject_id" not in reader.fieldnames:
            raise ValueError(f"{path} has no column subject_id")
        for row in reader:
            yield reader.line_num, row


def _read(text: str, path: Path, line: int) -> datetime:
    try:
        return datetime.strptime(text, WRITTEN)  # noqa: DTZ007  (upstream writes no zone)
    except ValueError:
        raise ValueError(f"{path}:{line}: {text!r} is not a date like 2105-06-08 13:59:00") from None


def _shift_file(
    path: Path, target: Path, columns: tuple[str, ...], moves: dict[str, tuple[date, timedelta]]
) -> int:
    """Copy one file with its dates moved. moves: subject -> day of the newest result, days to move by.

    Patients without any laboratory result are left out.
    """
    number = 0
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = None
        for line, row in _rows(path):
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            if row["subject_id"] not in moves:
                continue
            newest, move = moves[row["subject_id"]]
            for column in columns:
                if not row[column]:
                    continue
                moved = _read(row[column], path, line) + move
                row[column] = (_believable_birth(moved, newest) if column == "dob" else moved).strftime(
                    WRITTEN
                )
            writer.writerow(row)
            number += 1
    return number


def _believable_birth(born: datetime, newest: date) -> datetime:
    """The shifted birth date, or 91 years before the newest result where upstream hid the age."""
    if newest.year - born.year <= OLDEST_AGE:
        return born
    return datetime(newest.year - AGE_OF_THE_OLDEST, newest.month, min(newest.day, 28))  # noqa: DTZ001


if __name__ == "__main__":
    sys.exit(main())
