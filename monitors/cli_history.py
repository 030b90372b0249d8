"""`nephrowatch history`: verify, seal, prove, export, and the keys."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import Actor, Json, Reason, out, print_json
from monitors.errors import UserError

SHOWN = 20  # differences that are listed

app = typer.Typer(help="The append-only ledger: verify it, seal it, take it to somebody who trusts nobody.", no_args_is_help=True)


@app.command("verify")
def verify(as_json: Json = False) -> None:
    """Recompute every entry, check every signature, and hold the whole against the checkpoints kept outside the database.

    Exit code 1: something does not verify.
    """
    with pipeline.opened() as here:
        found = pipeline.verify_all(here=here)
    if as_json:
        print_json(found)
    elif found["first_bad"]:
        out.print(f"The ledger is BROKEN at entry {found['first_bad']['seq']}: {found['first_bad']['what']}.")
    else:
        out.print(f"{found['entries']} entries verify, {found['unsigned']} of them unsigned, {found['erased']} erased; newest "
                  f"is {found['head_seq']}, hash {found['head_hash'][:16]}…")  # fmt: skip
        out.print(f"{found['checkpoints']} checkpoints hold; the newest covers {found['covered']} entries.")
    for problem in [] if as_json else found["checkpoint_problems"]:
        out.print(f"A checkpoint is not used: {problem}", markup=False)
    if found["first_bad"]:
        raise typer.Exit(1)


@app.command("checkpoint")
def checkpoint(as_json: Json = False) -> None:
    """Sign what there is now, and keep it in every place that site.yaml names."""
    made = pipeline.checkpoint()
    if as_json:
        print_json(made)
    else:
        for place, became in made["places"].items():
            out.print(f"{made['size']} entries, {place}: {became}", markup=False)
    if made["problem"]:
        raise UserError(made["problem"])


@app.command("prove")
def prove(seq: Annotated[int, typer.Argument(metavar="SEQ", help="Number of the entry.")]) -> None:
    """Print the proof that an entry stands in the history: the entry, its path through the tree, and a signed checkpoint."""
    print_json(pipeline.history_proof(seq))


@app.command("export")
def export(
    folder: Annotated[Path, typer.Option("--out", help="An empty folder.")],
    actor: Annotated[str, typer.Option(help="Who asks; recorded.")] = "",
    as_json: Json = False,
) -> None:
    """Write the whole history with checkpoints, keys and a verifier of one file. It holds patients' data: handle it so."""
    made = pipeline.history_export(folder, actor=actor or getpass.getuser())
    if as_json:
        print_json(made)
        return
    out.print(f"{made['entries']} entries and {made['checkpoints']} checkpoints in {made['folder']}. Anywhere, without us:")
    out.print(f"  python nephrowatch_verify.py . --keys A-COPY-YOU-TRUST      (in {made['folder']})", markup=False)


CAUSES = {
    "erased": "cannot be made again: what they rested on was erased with the patient (no defect)",
    "engine_version": "by another version of the engine",
    "site_not_kept": "of nights from before the site's settings were kept with them",
    "defect": "that nothing explains: a defect, please report it",
}


@app.command("replay")
def replay(
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First night.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last night.")] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many of the moments, chosen by --seed.")] = None,
    seed: Annotated[int, typer.Option(help="Which of them.")] = 0,
    as_json: Json = False,
) -> None:
    """Make every past alert again from what was known, said and told then, and hold it against what was recorded.

    Exit code 1: a difference that nothing explains.
    """
    nights = first.date() if first else date.min, last.date() if last else date.max
    found = pipeline.history_replay(*nights, sample=sample, seed=seed)
    if as_json:
        print_json(asdict(found) | {"causes": found.causes})
    else:
        out.print(f"Replayed {found.decisions} decisions: {found.findings} findings, {found.changes} changes of episodes, "
                  f"{found.tellings} tellings. Differences: {len(found.differences)}.")  # fmt: skip
        for cause, count in sorted(found.causes.items()):
            out.print(f"  {count} {CAUSES.get(cause, cause)}", markup=False)
        for one in found.differences[:SHOWN]:
            out.print(f"  night {one['night']}, patient {one['patient']}: {one['what']} ({one['cause']})", markup=False)
        if len(found.differences) > SHOWN:
            out.print(f"  and {len(found.differences) - SHOWN} more; --json lists all")
    if found.causes.get("defect"):
        raise typer.Exit(1)


def erase(
    number: Annotated[str, typer.Argument(metavar="PATIENT", help="The patient's number, as the source writes it.")],
    actor: Actor,
    reason: Reason,
    authority: Annotated[str, typer.Option(help="Who gave the number; needed where several did.")] = "",
    raw_files: Annotated[bool, typer.Option("--raw-files", help="Delete the archived files with rows of this patient, too; they "
                                            "hold other patients as well.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Do not erase: place a legal hold, under which nobody can.")] = False,
    lift: Annotated[bool, typer.Option("--lift", help="End a legal hold.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Erase a patient who has left: who it was and every value. That there were alerts, and whom they told, stays verifiable.

    Not to be undone. A feed that sends the patient again makes a new one.
    """
    if hold or lift:
        pipeline.legal_hold(authority=authority, identifier=number, actor=actor, reason=reason, lift=lift)
        out.print("A legal hold is lifted." if lift else "A legal hold is placed.")
        return
    if not yes and not typer.confirm(f"Erase patient {number} for good? This cannot be undone."):
        raise UserError("Nothing was erased.")
    found = pipeline.erase(authority=authority, identifier=number, actor=actor, reason=reason, raw_files=raw_files)
    if as_json:
        print_json(found)
        return
    rows = ", ".join(f"{count} {name}" for name, count in sorted(found["rows"].items()))
    out.print(f"Erased: what is left is patient {found['patient']}. Rows: {rows}; {found['entries']} bodies of the ledger.")
    if found["files"] and not found["files_deleted"]:
        out.print(f"{len(found['files'])} raw files in the archive still hold rows of this patient, beside those of others; "
                  "delete them there when they may go:")  # fmt: skip
        for place in found["archived"]:
            out.print(f"  {place}", markup=False)


@app.command("keys")
def keys() -> None:
    """Print the public keys, old ones too: keep a copy outside this machine, and give one to the auditor."""
    for line in pipeline.history_keys():
        print(line)


@app.command("rotate")
def rotate(use: Annotated[str, typer.Argument(help="writer or checkpoint")]) -> None:
    """Make a new key. The old public one stays listed, so that what it signed still verifies."""
    out.print(f"New public key: {pipeline.history_rotate(use)}", markup=False)
    out.print("Add it to the copies outside this machine. Restart what runs: it signs with the new key from then on.")
