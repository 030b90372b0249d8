"""`nephrowatch quarantine`: what could not be used, and what people do about it."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import typer

from monitors import pipeline
from monitors.cli_words import Actor, Json, Reason, counted, out, print_json, rows_of, said, table
from monitors.errors import UserError

app = typer.Typer(help="Rows and files that could not be used, and why.", no_args_is_help=True)

File = Annotated[int, typer.Option("--file", help="Only this file, by its number.")]
Feed = Annotated[str, typer.Option(help="Only this feed.")]
OneRow = Annotated[str, typer.Argument(metavar="[Q]", help="A row's number, e.g. Q-12.")]


@app.command("list")
def list_rows(
    feed: Feed = "",
    unit: Annotated[str, typer.Option(help="Only rows of this dialysis unit.")] = "",
    reason: Annotated[str, typer.Option(help="Only this reason.")] = "",
    file: File = 0,
    critical: Annotated[bool, typer.Option("--critical", help="Only what would be critical if true.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Ended rows too: mended, released, discarded.")] = False,
    most: Annotated[int, typer.Option(help="At most so many rows.")] = 200,
    as_json: Json = False,
) -> None:
    """What could not be used: totals by reason, then the newest rows (those of codes not monitored: on request)."""
    chosen = {"feed": feed, "unit": unit, "reason": reason, "file_id": file, "critical": critical, "ended": everything}
    with pipeline.opened() as here:
        counts = rows_of(here, "read/quarantine_totals", **chosen)
        rows = rows_of(here, "read/quarantine", **chosen, quarantine_id=0, most=most)
    if as_json:
        print_json({"counts": counts, "rows": rows})
        return
    table(("feed", "reason", "rows", "critical", "what it means", "remedy"),
          [(c["feed"], c["reason"], c["rows"], c["critical"] or "", c["sentence"], c["remedy"]) for c in counts],
          "Nothing is in quarantine.")  # fmt: skip
    if rows:
        out.print("")
        table(("row", "file", "line", "unit", "reason", "if true", "state", "as received"),
              [(f"Q-{r['quarantine_id']}", f"{r['file_id']} {r['file']}", r["line_no"], r["unit"], r["reason"], _if_true(r),
                r["state"], _raw(r["raw"])) for r in rows], "")  # fmt: skip


@app.command("show")
def show(row: Annotated[str, typer.Argument(metavar="Q", help="A row's number, e.g. Q-12.")], as_json: Json = False) -> None:
    """One row: as received, where it stood, why it is here, what mends it, and what was done."""
    number = _number(row)
    with pipeline.opened() as here:
        found = rows_of(here, "read/quarantine", feed="", unit="", reason="", file_id=0, critical=False, ended=True,
                        quarantine_id=number, most=1)  # fmt: skip
    if not found:
        raise UserError(f"There is no row Q-{number} in quarantine; `nephrowatch quarantine list` shows them.")
    one = found[0]
    if as_json:
        print_json(one)
        return
    out.print(f"Q-{number} · {one['reason']} · {one['state']}", markup=False)
    file = f"file {one['file_id']} {one['file']} ({one['file_state']})"
    out.print(f"feed {one['feed']} · {file} · line {one['line_no']}", markup=False)
    if one["file_state"] in ("held", "unreadable"):
        out.print(f"\nThe whole file is {one['file_state']} ({one['file_reason']}): {one['file_sentence']}", markup=False)
    out.print(f"\nWhy this row: {one['sentence']}\nRemedy: {one['remedy']}", markup=False)
    if one["critical"]:
        out.print(f"Would be critical if true: {_if_true(one)}; the sample is of {one['collected_at'] or 'an unknown time'}.")
    what = f"--file {one['file_id']}" if one["file_state"] == "held" else f"Q-{number}" if one["releasable"] else ""
    allowed = f"yes: nephrowatch quarantine release {what} --reason WHY --actor WHO" if what else "no"
    out.print(f"May a person release {'the file' if one['file_state'] == 'held' else 'it'}: {allowed}", markup=False)
    if one["state"] != "open":
        out.print(f"{one['state'].capitalize()} at {one['ended_at']} by {one['ended_by']}: {one['ended_reason']}", markup=False)
    out.print("\nAs received:")
    table(("column", "text"), list((one["raw"] or {"(kept in the archive)": ""}).items()), "")


@app.command("retry")
def retry(
    actor: Actor,
    file: File = 0,
    feed: Feed = "",
    reason: Annotated[str, typer.Option(help="Only rows with this reason.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that is open.")] = False,
    as_json: Json = False,
) -> None:
    """After a mapping was mended: read again what that can mend. With --reason, nothing that is stored is touched."""
    if not (file or feed or reason or everything):
        raise UserError("Say what to read again: --file, --feed, --reason, or --all.")
    done = pipeline.quarantine_retry(file_id=file or None, feed=feed, reason=reason, actor=said("actor", actor))
    if as_json:
        print_json(done)
        return
    out.print(f"{done['mended']} mended, {done['still_bad']} still bad, in {done['files']} files read again.")
    if done["still_bad"]:
        out.print("Why: nephrowatch quarantine list")


@app.command("release")
def release(
    reason: Reason, actor: Actor, row: OneRow = "", file: Annotated[int, typer.Option(help="A held file's number.")] = 0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """A person says: it is true nevertheless. Takes one row, or a held file's rows as they are."""
    quarantine_id, file_id = _one_of(row, file)
    done = pipeline.quarantine_release(
        quarantine_id=quarantine_id, file_id=file_id, reason=said("reason", reason), actor=said("actor", actor)
    )
    print_json(done) if as_json else out.print(f"Released: {counted({k: done[k] for k in ('stored', 'known', 'quarantined')})}.")


@app.command("discard")
def discard(
    reason: Reason, actor: Actor, row: OneRow = "", file: Annotated[int, typer.Option(help="A held file's number.")] = 0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """A person says: it is not to be used. Nothing is deleted."""
    quarantine_id, file_id = _one_of(row, file)
    rows = pipeline.quarantine_discard(
        quarantine_id=quarantine_id, file_id=file_id, reason=said("reason", reason), actor=said("actor", actor)
    )
    print_json({"discarded": rows}) if as_json else out.print(f"Discarded: {rows} {'row' if rows == 1 else 'rows'}.")


def _one_of(row: str, file: int) -> tuple[int | None, int | None]:
    if bool(row) == bool(file):
        raise UserError("Name one row (Q-12) or one held file (--file 7).")
    return (_number(row), None) if row else (None, file)


def _number(row: str) -> int:
    if not (found := re.fullmatch(r"(?:[Qq]-?)?([0-9]{1,18})", row.strip())):
        raise UserError(f"{row!r} is no row of the quarantine; write it like Q-12.")
    return int(found[1])


def _if_true(row: dict[str, Any]) -> str:
    return f"{row['critical']} {(row['analyte'] or '').replace('_', ' ')}".strip() if row["critical"] else ""


def _raw(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False) if row else "(kept in the archive)"
