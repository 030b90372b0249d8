"""`nephrowatch history`: verify, seal, prove, export, and the keys."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from monitors import pipeline
from monitors.cli_words import Json, out, print_json
from monitors.errors import UserError

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
