"""`nephrowatch feeds`, `quality` and `patients`: what arrives, how good it is, and whose it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monitors import pipeline
from monitors.cli_words import Actor, Json, Reason, out, print_json, rows_of, said, table

app = typer.Typer(help="Where data comes from.", no_args_is_help=True)
quality_app = typer.Typer(help="How good the data is.", no_args_is_help=True)
patients_app = typer.Typer(help="Which numbers mean one patient.", no_args_is_help=True)

_COUNTS = ("files", "held", "waiting", "received", "stored", "known", "quarantined")
Identifier = Annotated[str, typer.Argument(help="The patient's number, as the source writes it.")]


@app.command("list")
def list_feeds(
    look: Annotated[bool, typer.Option("--look", help="Look into every folder now: what is ready, what waits and why.")] = False,
    as_json: Json = False,
) -> None:
    """Each configured feed: how it stands, what came last and what became of its rows."""
    with pipeline.opened() as here:
        arrived = {row["feed"]: row for row in rows_of(here, "read/feeds")}
        alarms: dict[str, list[dict[str, Any]]] = {}
        for alarm in rows_of(here, "read/alarms", cleared=False):
            alarms.setdefault(alarm["feed"], []).append(alarm)
        folders = pipeline.feeds_waiting(here=here) if look else {}
        feeds = [
            {"feed": name, "kind": feed.kind, "kinds": list(feed.takes()), "format": feed.format, "location": feed.location,
             "unit": feed.unit, **{key: arrived.get(name, {}).get(key, 0) for key in _COUNTS},
             "last_received": arrived.get(name, {}).get("last_received"), "last_file": arrived.get(name, {}).get("last_file"),
             "state": _state(alarms.get(name, []), arrived.get(name), feed.optional), "alarms": alarms.get(name, []),
             "folder": folders.get(name)}
            for name, feed in here.config.feeds.items()
        ]  # fmt: skip
    if as_json:
        print_json(feeds)
        return
    table(("feed", "kind", "unit", "state", "last arrival", *_COUNTS),
          [(f["feed"], f["kind"] or f["format"], f["unit"], f["state"], (f["last_received"] or "never")[:16],
            *(f[key] for key in _COUNTS)) for f in feeds], "No feed is configured.")  # fmt: skip
    for feed in feeds:
        for alarm in feed["alarms"]:
            out.print(f"{_named(alarm)}: {alarm['sentence']} Since {alarm['raised_at'][:16]}.", markup=False)
    for feed in feeds:
        if folder := feed["folder"]:
            out.print(f"{feed['feed']}: {folder['sentence'] or _ready(folder)}", markup=False)
            for file in folder["waiting"]:
                out.print(f"  {file['name']}: {file['why']}", markup=False)


@app.command("alarms")
def list_alarms(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False, as_json: Json = False
) -> None:
    """Feeds that are silent, since when and why."""
    with pipeline.opened() as here:
        alarms = rows_of(here, "read/alarms", cleared=everything)
    if as_json:
        print_json(alarms)
        return
    table(("feed", "unit", "alarm", "since", "until", "why"),
          [(a["feed"], a["unit"], a["kind"], a["raised_at"][:16], (a["cleared_at"] or "open")[:16], a["sentence"])
           for a in alarms], "No alarm is open.")  # fmt: skip


@app.command("check")
def check(
    feed: Annotated[str, typer.Option(help="The feed whose description is tried.")],
    file: Annotated[Path, typer.Option(help="A file on this machine.")],
    as_json: Json = False,
) -> None:
    """Try a feed's description on a file: what each row would become. Nothing is stored, no value is printed."""
    tried = pipeline.feeds_check(feed, file)
    if as_json:
        print_json(tried)
        return
    out.print(f"{tried['received']} rows: {tried['good']} can be used, {tried['quarantined']} would go to quarantine.")
    if tried["held"]:
        out.print(f"The whole file would be held ({tried['held']['reason']}): {tried['held']['sentence']}", markup=False)
    table(("kind", "reason", "rows", "what it means", "remedy", "e.g. lines"),
          [(r["kind"], r["reason"], r["rows"], r["sentence"], r["remedy"], ", ".join(map(str, r["lines"])))
           for r in tried["reasons"]], "No row would go to quarantine.")  # fmt: skip
    if tried["examples"]:
        out.print("\nThe first rows that can be used, letters and digits masked:")
        table(("kind", "line", "as understood"), [(e["kind"], e["line"], e["row"]) for e in tried["examples"]], "")


@quality_app.command("docs")
def quality_docs(out_folder: Annotated[Path, typer.Option("--out", help="The folder to write into.")]) -> None:
    """Write the Data Docs: every expectation, and what the newest file of each feed came to. No value is in them."""
    out.print(str(pipeline.quality_docs(out_folder)), markup=False)


@quality_app.command("counts")
def quality_counts(as_json: Json = False) -> None:
    """Rows set aside, by feed, unit, kind and reason, and what was done about them: the view feed_counts."""
    with pipeline.opened() as here:
        counts = rows_of(here, "read/feed_counts")
    if as_json:
        print_json(counts)
        return
    columns = ("feed", "unit", "kind", "reason", "state", "rows")
    table((*columns, "last"), [[*(c[key] for key in columns), c["last_received"][:16]] for c in counts],
          "Nothing was ever set aside.")  # fmt: skip


@patients_app.command("links")
def links(
    identifier: Identifier,
    authority: Annotated[str, typer.Option(help="Who assigned the number; needed where two did.")] = "",
    as_json: Json = False,
) -> None:
    """Every number that is or was the same patient's, by versions: since when, and who or what said so."""
    with pipeline.opened() as here:
        rows = rows_of(here, "read/links", identifier=identifier, authority=authority)
    if as_json:
        print_json(rows)
        return
    table(("authority", "number", "means patient", "because", "since"),
          [(r["authority"], r["identifier"], f"{r['patient_authority']} {r['patient']}", r["reason"], r["recorded_at"][:16])
           for r in rows], "Nothing is known of this number.")  # fmt: skip


@patients_app.command("unmerge")
def unmerge(
    identifier: Identifier,
    merged: Annotated[str, typer.Argument(help="The number that is another patient's after all.")],
    authority: Annotated[str, typer.Option(help="Who assigned both numbers.")],
    reason: Reason,
    actor: Actor,
) -> None:
    """Take two numbers apart that were merged by mistake; both histories stay, from now on as two patients."""
    pipeline.unmerge(
        authority=authority, identifier=identifier, merged=merged, reason=said("reason", reason), actor=said("actor", actor)
    )
    out.print("Taken apart; the next night judges two patients.")


def _state(alarms: list[dict[str, Any]], arrived: dict[str, Any] | None, optional: bool) -> str:
    """The worst that is so: missing, late, little; else held, waiting, nothing yet, or arriving."""
    for kind in ("missing", "late", "little"):
        if any(alarm["kind"] == kind for alarm in alarms):
            return kind
    if arrived is None:
        return "nothing yet (optional)" if optional else "nothing yet"
    return "held files" if arrived["held"] else "files waiting" if arrived["waiting"] else "arriving"


def _ready(folder: dict[str, Any]) -> str:
    ready, waiting = folder["ready"], len(folder["waiting"])
    return f"{ready} file{'' if ready == 1 else 's'} in the folder, {waiting} wait{'s' if waiting == 1 else ''}."


def _named(alarm: dict[str, Any]) -> str:
    return f"{alarm['feed']} (unit {alarm['unit']})" if alarm["unit"] else str(alarm["feed"])
