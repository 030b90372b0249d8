"""`nephrowatch`, the one command line. An error is one sentence; exit code 2 is the user's, 1 is ours."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from monitors import (
    cli_alerts,
    cli_database,
    cli_delivery,
    cli_destinations,
    cli_doctor,
    cli_feeds,
    cli_history,
    cli_listen,
    cli_metrics,
    cli_quarantine,
    cli_routes,
    cli_rules,
    cli_silences,
    cli_web,
    cli_why,
    logs,
    pipeline,
)
from monitors.cli_words import Json, counted, err, out, print_json, rows_of, table
from monitors.errors import NephrowatchError, UserError
from monitors.records import is_live, night_of

app = typer.Typer(help="Nightly watch over calcium, phosphate and PTH in dialysis patients.", no_args_is_help=True,
                  add_completion=False, pretty_exceptions_enable=False)  # fmt: skip
alerts_app = cli_alerts.app
for name, child in (("alerts", alerts_app), ("quarantine", cli_quarantine.app), ("feeds", cli_feeds.app),
                     ("quality", cli_feeds.quality_app), ("patients", cli_feeds.patients_app), ("db", cli_database.app),
                     ("history", cli_history.app), ("rules", cli_rules.app), ("messages", cli_delivery.messages_app),
                     ("notify", cli_delivery.notify_app), ("routes", cli_routes.app), ("silences", cli_silences.app),
                     ("destinations", cli_destinations.app)):  # fmt: skip
    app.add_typer(child, name=name)
app.command("why")(cli_why.why)
app.command("erase")(cli_history.erase)
app.command("web")(cli_web.web)
app.command("slack-listen")(cli_listen.slack_listen)
app.command("doctor")(cli_doctor.doctor)
app.command("metrics")(cli_metrics.show)


def _night(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it like 2026-04-15") from None


@app.command()
def run(
    night: Annotated[str | None, typer.Option(help="The night's date, e.g. 2026-04-15. Default: today in UTC.")] = None,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Judge and record only: no episode is touched, nobody is told.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one night: receive, check, judge, reconcile, seal, deliver."""
    the_night = _night(night) if night else night_of(datetime.now(UTC))
    if night and not backfill and not is_live(the_night, datetime.now(UTC)):
        err.print(f"nephrowatch: night {the_night} is not tonight; judged as if it were. --backfill records it and tells nobody.")
    with _progress(quiet=as_json) as progress:
        summary = pipeline.night(the_night, live=not backfill, progress=progress)
    if as_json:
        print_json(summary)
        return
    out.print(f"Night {summary['night']} · run {summary['run_id']} · knowledge up to {summary['known_at'] or 'nothing yet'}")
    for title in ("rows", "findings", "changes", "messages"):
        out.print(f"  {title:9} {counted(summary[title])}")
    out.print("Who needs a look: nephrowatch alerts list     What could not be used: nephrowatch quarantine list")


@app.command()
def deliver(as_json: Json = False) -> None:
    """Send what waits in the outbox."""
    counts = dict(pipeline.deliver())
    print_json(counts) if as_json else out.print(", ".join(f"{n} {word}" for word, n in counts.items()) or "Nothing waits.")


@alerts_app.command("list")
def alerts_list(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    review: Annotated[bool, typer.Option("--safety-review", help="Closed by a death, outcome still to be recorded.")] = False,
    as_json: Json = False,
) -> None:
    """Open episodes, the worst first."""
    ended = {"resolved", "retracted", "closed"}
    episodes = [e for e in _episodes("") if everything or as_json or review or e["state"] not in ended]
    if review:
        episodes = cli_alerts.for_review(episodes)
    if as_json:
        print_json(episodes)
        return
    order = {"CRITICAL": 0, "HIGH": 1, "WARNING": 2}
    quiet = cli_rules.quiet_now()
    episodes.sort(key=lambda e: (order[e["severity"]], e["unit"], e["opened_night"], e["id"]))
    table(
        ("ref", "severity", "unit", "patient", "group", "rules", "state", "since night", "told"),
        [(e["ref"], e["severity"], e["unit"], e["patient"], e["group"], " ".join(limb["rule"] for limb in e["limbs"]),
          e["state"], e["opened_night"], _told(e, quiet))
         for e in episodes],
        "No episode is open.",
    )  # fmt: skip
    out.print(cli_rules.review_line({limb["rule"] for e in episodes for limb in e["limbs"]}))


@alerts_app.command("show")
def alerts_show(
    ref: Annotated[str, typer.Argument(metavar="ID", help="Number or ref, e.g. NW-4F7K.")], as_json: Json = False,
    actor: Annotated[str, typer.Option("--as", help="Who looks (people.yaml): recorded as having opened the evidence.")] = "",
) -> None:
    """One episode: its evidence, and every step of its life with the reason."""
    found = _episodes(ref)
    if not found:
        raise UserError(f"There is no episode {ref!r}; `nephrowatch alerts list --all` shows them all.")
    episode = found[0]
    with pipeline.opened() as here:
        episode["changes"] = rows_of(here, "read/changes_of_episode", episode_id=episode["id"])
        episode["findings"] = rows_of(here, "read/findings_of_episode", episode_id=episode["id"])
        episode["facts"] = cli_alerts.looked(here, episode["id"], episode["ref"], actor)
    if as_json:
        print_json(episode)
        return
    out.print(f"{episode['ref']} · {episode['severity']} · {episode['group']} · {episode['state']} · unit {episode['unit']}")
    out.print(cli_rules.review_line({limb["rule"] for limb in episode["limbs"]}))
    out.print(f"patient {episode['patient']} · opened {episode['opened_night']} · changed {episode['changed_night']}")
    words = {finding["rule"]: finding for finding in episode["findings"]}
    nothing = "the evidence was erased" if episode["authority"] == "erased" else "no evidence kept"
    for limb in episode["limbs"]:
        out.print(f"\n{limb['rule']} {limb['outcome']} ({limb['severity']}): {limb['reason']}")
        if word := words.get(limb["rule"]):
            out.print(f"  as of night {word['night']}, {word['outcome']}: {word['sentence']}")
            for drug in word["facts"].get("drugs", []):
                out.print(f"  drug: {_drug(drug)}")
            if unknown := word["facts"].get("unknown"):
                out.print(f"  not known here: {', '.join(unknown)}")
        table(("analyte", "value", "unit", "collected", "used as", "result"),
               [(e["analyte"], f"{e.get('comparator', '')}{e['value']:g}", e["unit"], e["collected_at"], e.get("role", ""),
                 e["result_id"])
                for e in limb["evidence"]], nothing)  # fmt: skip
    out.print("")
    for change in episode["changes"]:
        out.print(f"{change['seq']}. night {change['night']}: {change['kind']} ({change['reason']}): {change['sentence']}")
        for message in change["messages"]:
            repeat = ", possible repeat" if message["possible_repeat"] else ""
            out.print(f"     to {message['destination']}: {message['state']} after {message['attempts']} attempts{repeat}")
        for withheld in change["withheld"]:
            out.print(f"     withheld from {withheld['destination']}: {withheld['reason']}")
    cli_alerts.print_facts(episode["facts"])


def _episodes(ref: str) -> list[dict[str, Any]]:
    with pipeline.opened() as here:
        return [
            {"id": row["episode_id"], "ref": row["ref"], "patient": row["identifier"], "authority": row["authority"],
             "patient_id": row["patient_id"], "unit": row["unit"], "group": row["cause_group"], "limbs": row["limbs"],
             "severity": row["severity"], "state": row["state"], "opened_night": row["opened_night"],
             "changed_night": row["changed_night"], "baseline": row["baseline"], "told": row["told"]}
            for row in rows_of(here, "read/alerts", ref=ref)
        ]  # fmt: skip


def _told(episode: Mapping[str, Any], quiet: Mapping[tuple[str, str], str]) -> str:
    """Who was told; an episode present at start, or below HIGH, stands on the morning list only."""
    told = sorted({telling["destination"] for telling in episode["told"]})
    standing = [limb["rule"] for limb in episode["limbs"] if limb["outcome"] != "clear"]
    if not told and standing and all((episode["unit"], rule) in quiet for rule in standing):
        return "nobody (silent phase)"
    return " ".join(told) or ("list (present at start)" if episode["baseline"] else "list")


def _drug(drug: Mapping[str, Any]) -> str:
    dates = [f"{word} {drug[word]}" for word in ("started", "stopped", "listed") if drug.get(word)]
    return f"{drug['text']} ({drug['class'].replace('_', ' ')}){': ' if dates else ''}{', '.join(dates)}"


@contextmanager
def _progress(*, quiet: bool) -> Iterator[pipeline.Progress]:
    """A moving line that says which stage is at work, at a terminal; silence elsewhere."""
    if quiet or not err.is_terminal:
        yield lambda stage: None
        return
    with err.status("starting") as status:
        yield lambda stage: status.update(f"{stage} …")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs a command, turns errors into one sentence and an exit code."""
    if os.environ.get(logs.VARIABLE) == "json":
        logs.to_stderr()
    try:
        code = app(args=list(arguments) if arguments is not None else None, prog_name="nephrowatch", standalone_mode=False)
    except UserError as problem:
        print(f"nephrowatch: {problem}", file=sys.stderr)
        sys.exit(2)
    except NephrowatchError as problem:
        print(f"nephrowatch: {problem}", file=sys.stderr)
        sys.exit(1)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("nephrowatch: stopped; running the same night again goes on where this left off.", file=sys.stderr)
        sys.exit(130)
    except Exception as problem:
        if hasattr(problem, "format_message") and hasattr(problem, "exit_code"):  # click's own: wrong option, bad value
            context = getattr(problem, "ctx", None)
            asked = context.command_path if context else "nephrowatch"
            print(f"nephrowatch: {problem.format_message()} (see {asked} --help)", file=sys.stderr)
            sys.exit(2)
        where = traceback.extract_tb(problem.__traceback__)[-1]
        print(f"nephrowatch: a defect of ours: {type(problem).__name__} in {where.name} ({where.filename.rsplit('/', 1)[-1]}:"
              f"{where.lineno}). Nothing decided is lost; please report it with this line.", file=sys.stderr)  # fmt: skip
        sys.exit(1)
    sys.exit(code or 0)


__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
