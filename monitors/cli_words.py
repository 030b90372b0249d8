"""What every command shares: options, reading, tables, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from monitors import database, pipeline
from monitors.errors import UserError

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Reason = Annotated[str, typer.Option(help="Why: in the ledger for good, with your name. Write no patient and no value there.")]
Actor = Annotated[str, typer.Option(help="Who you are: kept in the ledger.")]
out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


def rows_of(here: pipeline.Here, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of `sql/<name>.sql`, read as the role that may read; times and dates as ISO texts."""
    with here.db.begin(database.Role.WEB) as connection:
        return [_plain(row) for row in connection.execute(database.sql(name), parameters).mappings()]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, date | datetime) else value for key, value in row.items()}


def print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str) -> None:
    """A table at the width there is; the sentence `nothing` where there is no row."""
    if not rows:
        out.print(nothing)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(width=None if out.is_terminal else 200).print(shown, markup=False)


def counted(counts: Mapping[str, int], nothing: str = "none") -> str:
    """`3 stored, 1 known`, without what is 0."""
    return ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in counts.items() if number) or nothing


def said(what: str, text: str) -> str:
    """The text of an option that goes into the ledger. Raises UserError where it says nothing."""
    if not text.strip():
        raise UserError(f"--{what} is empty; it is kept in the ledger, so it has to say something.")
    return text.strip()


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it like 2026-04-15") from None


def instant_of(text: str) -> datetime:
    """A time with its zone; without one it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time; write it like 2026-04-15T06:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
