"""Checkpoints: their tree, their text, the places they go to, the keys, and an outsider who has only files."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors import pipeline, sealing
from monitors.database import Role
from monitors.errors import HistoryError, UserError
from monitors.history import checkpoint, keys, ledger, merkle
from monitors.history import nephrowatch_verify as checks
from monitors.settings import Settings, settings_from
from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)
ORIGIN = "nephrowatch.example/nephrowatch-history"


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


# ------------------------------------------------------------------------------------------ the tree
def test_the_root_is_that_of_another_implementation_at_every_size() -> None:
    theirs, ours = pymerkle.InmemoryTree(algorithm="sha256"), checks.Tree()
    for data in leaves(1100):
        theirs.append(data)
        ours.add(data)
        assert ours.root() == theirs.get_state()
    assert checks.Tree().root() == hashlib.sha256(b"").digest()


def test_every_entry_of_every_tree_up_to_130_is_proven_and_no_other() -> None:
    for size in range(1, 131):
        tree, root = leaves(size), merkle.root_of(leaves(size))
        for index in range(size):
            path = merkle.inclusion(tree, index)
            assert checks.included(tree[index], index, size, path, root)
            assert not checks.included(tree[index], (index + 1) % size, size, path, root) or size == 1
            assert not checks.included(hashlib.sha256(b"other").digest(), index, size, path, root)


@given(st.integers(1, 300), st.data())
def test_a_proof_with_anything_changed_proves_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree, path = leaves(size), merkle.inclusion(leaves(size), index)
    root = merkle.root_of(tree)
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert not checks.included(tree[index], index, size, [*path[:at], leaves(1)[0], *path[at + 1 :]], root)
        assert not checks.included(tree[index], index, size, path[:-1], root)
    assert not checks.included(tree[index], index, size, [*path, root], root)


def test_who_seal_at_once_take_turns(site: Site) -> None:
    site.patients("T1")
    site.labs("one.csv", *monthly("T1", NIGHT, {"P": 5.0}))
    site.night(NIGHT)

    def seal(number: int) -> str | None:
        with site.db.begin(Role.PIPELINE) as connection:
            ledger.append(connection, [("history_exported", {"actor": f"auditor-{number}"})])
        found = sealing.seal_now(site.db, site.here.config, site.here.settings, Role.PIPELINE, site.here.clock())
        problem: str | None = found["problem"]
        return problem

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(seal, range(24))) == {None}
    assert sealing.verified(site.db, site.here.config, site.here.settings)["first_bad"] is None


# ------------------------------------------------------------------------------------- notes and keys
def test_tasks_that_start_together_make_one_key(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = {key.line for key in pool.map(lambda _: keys.ensured(settings, keys.WRITER), range(8))}
    assert made == set(keys.public(settings))
    assert len(made) == 1


def test_a_note_reads_back_and_nothing_else_does(settings: Settings) -> None:
    key = keys.make(settings, keys.CHECKPOINT)
    text = checkpoint.note(ORIGIN, 3, b"\x07" * 32, key)
    known = checks.Keys([key.line])
    assert checks.parse_note(text, known) == checks.Checkpoint(ORIGIN, 3, b"\x07" * 32, ("nephrowatch-checkpoint",))
    for wrong in (text.replace("\n3\n", "\n4\n"), text.replace("nephrowatch.example", "elsewhere.example", 1), text[:-30], "",
                  text.replace("\n\n", "\n"), text.replace("\n3\n", "\n03\n")):  # fmt: skip
        with pytest.raises(ValueError, match=r"checkpoint|signed"):
            checks.parse_note(wrong, known)


def test_a_rotated_key_leaves_what_the_old_one_signed(settings: Settings) -> None:
    old = keys.make(settings, keys.CHECKPOINT)
    text = checkpoint.note(ORIGIN, 3, b"\x07" * 32, old)
    new = keys.make(settings, keys.CHECKPOINT)
    assert new.id != old.id
    assert checks.parse_note(text, keys.known(settings)).signed_by == ("nephrowatch-checkpoint",)
    assert (settings.home / "checkpoint.key").stat().st_mode & 0o777 == 0o600
    assert old.line in keys.public(settings)
    assert "private" not in repr(new)


def test_what_was_written_before_the_first_writer_key_is_unsigned_and_verifies(site: Site) -> None:
    site.night(NIGHT)  # no signer yet, but a checkpoint, whose key is listed first
    settings, before = site.here.settings, sealing.entries(site.db)
    site.db.signer = keys.ensured(settings, keys.WRITER, lambda: sealing.entries(site.db))
    site.night(NIGHT + timedelta(days=1))
    found = sealing.verified(site.db, site.here.config, settings)
    assert (found["first_bad"], found["unsigned"]) == (None, before)
    (settings.home / "writer.key").unlink()  # a new key for a lost one makes nothing else unsigned
    keys.ensured(settings, keys.WRITER, lambda: sealing.entries(site.db))
    assert f"# unsigned-until {before}\n" in (settings.home / keys.PUBLIC).read_text()
    assert (settings.home / keys.PUBLIC).read_text().count("unsigned-until") == 1


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, "00" * 31])
def test_a_wrong_key_says_where_it_is_and_what_it_should_be(settings: Settings, text: str) -> None:
    (settings.home / "writer.key").write_text(text)
    with pytest.raises(UserError, match=r"writer\.key is no key: 64 hexadecimal digits"):
        keys.load(settings, keys.WRITER)


def test_a_key_from_the_environment_goes_before_the_file(settings: Settings) -> None:
    keys.make(settings, keys.WRITER)
    given = settings_from({**settings.environment, "NEPHROWATCH_WRITER_KEY": "11" * 32})
    found = keys.load(given, keys.WRITER)
    assert found is not None
    assert found.id != keys.load(settings, keys.WRITER).id  # type: ignore[union-attr]
    with pytest.raises(UserError, match="NEPHROWATCH_WRITER_KEY is set"):
        keys.make(given, keys.WRITER)


# ------------------------------------------------------------------------------- on a site, and outside it
@pytest.fixture
def night(site: Site) -> Site:
    site.db.signer = keys.ensured(site.here.settings, keys.WRITER, lambda: sealing.entries(site.db))
    site.patients("T1")
    site.labs("labs.csv", *monthly("T1", NIGHT - timedelta(days=1), {"P": 7.4, "CA": 9.6}, {"P": 7.5, "CA": 6.9}))
    site.night(NIGHT)
    return site


def places(site: Site, *folders: str) -> list[Path]:
    path = site.root / "config" / "site.yaml"
    found = [site.root / folder for folder in folders]
    path.write_text(path.read_text() + "history: {checkpoints: [" + ", ".join(f'"file://{place}"' for place in found) + "]}\n")
    return found


def outbox(site: Site) -> list[str]:
    return [sentence for (sentence,) in site.rows(
        "SELECT content ->> 'sentence' FROM nephrowatch.outbox WHERE content ->> 'reason' = 'checkpoint_failed'")]  # fmt: skip


def test_a_night_leaves_signed_entries_and_a_checkpoint_outside_the_database(night: Site) -> None:
    found = pipeline.verify_all(here=night.here)
    assert (found["first_bad"], found["checkpoint_problems"]) == (None, [])
    assert 0 < found["covered"] <= found["entries"]
    assert found["unsigned"] == night.rows("SELECT count(*) FROM history.ledger WHERE kind LIKE 'rule_%'")[0][0]  # waived before
    assert list((night.root / "home" / "checkpoints").glob("*.txt"))


def test_every_place_gets_each_checkpoint_and_one_that_is_away_is_told_once_a_day(night: Site) -> None:
    one, other = places(night, "one", "other")
    assert set(pipeline.checkpoint(here=night.here)["places"].values()) == {"kept"}
    assert set(pipeline.checkpoint(here=night.here)["places"].values()) == {"there"}
    assert [path.name for path in one.iterdir()] == [path.name for path in other.iterdir()]
    for path in other.iterdir():
        path.unlink()
    other.rmdir()
    other.write_text("no folder any more")
    for _ in range(2):
        with night.db.begin(Role.PIPELINE) as connection:
            ledger.append(connection, [("said", {})])
        assert "could not be written" in str(pipeline.checkpoint(here=night.here)["places"])
    assert len(outbox(night)) == 1
    assert "could not be kept everywhere" in outbox(night)[0]
    other.unlink()
    assert pipeline.checkpoint(here=night.here)["problem"] is None


def test_a_ledger_that_contradicts_a_checkpoint_is_never_signed_again(night: Site) -> None:
    """A backup was restored, or somebody rebuilt the chain: the places outside know better."""
    pipeline.checkpoint(here=night.here)
    with night.db.begin(Role.PIPELINE) as connection:
        earlier = checks.Checkpoint(ORIGIN, 3, b"\x07" * 32, ())
        with pytest.raises(HistoryError, match="nothing is signed"):
            checkpoint.take(connection, ORIGIN, keys.ensured(night.here.settings, keys.CHECKPOINT), [earlier])
        ahead = checks.Checkpoint(ORIGIN, 10_000, b"\x07" * 32, ())
        with pytest.raises(HistoryError, match=r"a backup was\s+restored"):
            checkpoint.take(connection, ORIGIN, keys.ensured(night.here.settings, keys.CHECKPOINT), [ahead])


def test_two_histories_of_one_size_are_an_alarm(night: Site) -> None:
    folder = night.root / "home" / "checkpoints"
    key = keys.ensured(night.here.settings, keys.CHECKPOINT)
    one, other = (checkpoint.note(ORIGIN, 7_000, root * 32, key) for root in (b"\x01", b"\x02"))
    checkpoint.keep(7_000, one, [f"file://{folder}"])
    with pytest.raises(HistoryError, match="two histories exist"):
        checkpoint.keep(7_000, other, [f"file://{folder}"])


def test_two_places_that_disagree_about_one_size_are_seen_whichever_is_read_first(night: Site) -> None:
    key = keys.ensured(night.here.settings, keys.CHECKPOINT)
    with night.db.begin(Role.PIPELINE) as connection:
        size, text = checkpoint.take(connection, ORIGIN, key)
        true = checks.parse_note(text, checks.Keys([key.line]))
        other = checks.Checkpoint(ORIGIN, size, b"\x07" * 32, ())
        for both in ([true, other], [other, true]):
            with pytest.raises(HistoryError, match="nothing is signed"):
                checkpoint.take(connection, ORIGIN, key, both)


def test_time_never_runs_back_in_the_chain(night: Site) -> None:
    """A server's clock that went back by an hour: an entry then carries the time of the one before it."""
    with psycopg.connect(night.database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        newest = "seq = (SELECT max(seq) FROM history.ledger)"
        connection.execute(f"UPDATE history.ledger SET recorded_at = now() + interval '1 hour' WHERE {newest}")  # type: ignore[call-overload]
    with night.db.begin(Role.PIPELINE) as connection:
        ledger.append(connection, [("said", {})])
    times = [at for (at,) in night.rows("SELECT recorded_at FROM history.ledger ORDER BY seq DESC LIMIT 2")]
    assert times[0] == times[1]


def test_one_entry_is_proven_to_whoever_has_the_keys(night: Site) -> None:
    pipeline.checkpoint(here=night.here)
    proof = pipeline.history_proof(2, here=night.here)
    known = checks.Keys(pipeline.history_keys(here=night.here))
    note = checks.parse_note(proof["checkpoint"], known)
    entry = checks.from_line(json.dumps(proof["entry"]))
    path = [bytes.fromhex(step) for step in proof["path"]]
    assert entry.seq == 2
    assert checks.hash_of(entry) == entry.hash
    assert checks.included(entry.hash, proof["index"], note.size, path, note.root)
    with pytest.raises(UserError, match="No checkpoint covers entry 999 yet"):
        pipeline.history_proof(999, here=night.here)


def outsider(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The verifier alone, from its folder, in a Python that sees nothing of ours."""
    return subprocess.run([sys.executable, "-I", "nephrowatch_verify.py", ".", *map(str, arguments)], cwd=folder,
                          capture_output=True, text=True, timeout=60)  # fmt: skip


def test_an_outsider_verifies_a_copy_and_finds_one_changed_byte(night: Site, tmp_path: Path) -> None:
    folder = tmp_path / "outside"
    made = sealing.export(night.db, night.here.config, night.here.settings, folder, "A. Tester", night.clock)
    own = tmp_path / "own-keys.txt"
    own.write_text("\n".join(pipeline.history_keys(here=night.here)))
    good = outsider(folder, "--keys", own)
    assert good.returncode == 0, good.stdout + good.stderr
    assert f"{made['entries']} entries" in good.stdout
    assert "Everything verifies." in good.stdout

    path = folder / "ledger.ndjson"
    whole = path.read_text()
    lines = whole.splitlines()
    row = json.loads(lines[4])
    path.write_text("\n".join([*lines[:4], json.dumps({**row, "hash": "00" + row["hash"][2:]}), *lines[5:]]) + "\n")
    bad = outsider(folder, "--keys", own)
    assert bad.returncode == 1
    assert "First: entry 5 (entry_changed)" in bad.stdout

    path.write_text("\n".join(lines[:-3]) + "\n")
    assert "(cut_off)" in outsider(folder, "--keys", own).stdout
    path.write_text("no ledger\n")
    assert outsider(folder, "--keys", own).returncode == 2


def test_a_forger_with_keys_of_his_own_fools_nobody_who_has_the_real_ones(night: Site, tmp_path: Path) -> None:
    folder = tmp_path / "outside"
    sealing.export(night.db, night.here.config, night.here.settings, folder, "A. Tester", night.clock)
    own = tmp_path / "own-keys.txt"
    own.write_text("\n".join(pipeline.history_keys(here=night.here)))
    home = tmp_path / "forger"
    home.mkdir()
    forger = keys.make(settings_from({"NEPHROWATCH_HOME": str(home)}), keys.CHECKPOINT)
    [note] = list((folder / "checkpoints").glob("*.txt"))[:1]
    body = note.read_text().partition("\n\n")[0] + "\n"
    note.write_text(body + "\n" + forger.note_line(body))
    (folder / "keys.txt").write_text(forger.line + "\n")
    found = outsider(folder, "--keys", own)
    assert found.returncode == 1
    assert "none of the known keys signed it" in found.stdout


def test_an_export_needs_a_folder_of_its_own_and_is_an_entry_itself(night: Site, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("x")
    with pytest.raises(UserError, match="not empty"):
        pipeline.history_export(tmp_path / "taken", actor="A. Tester", here=night.here)
    pipeline.history_export(tmp_path / "fresh", actor="A. Tester", here=night.here)
    last = (tmp_path / "fresh" / "ledger.ndjson").read_text().splitlines()[-1]
    assert json.loads(last)["kind"] == "history_exported"
