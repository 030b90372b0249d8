"""The command line as a person types it: what it prints, what it changes, how it says no."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitors import cli
from tests.site import Site, draw

NIGHT = date(2026, 4, 15)
DAY = NIGHT - timedelta(days=1)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """(exit code, stdout, stderr) of one command in the site's environment."""
    for name, value in (site.environment | {"NEPHROWATCH_DATABASE_URL": site.database_url}).items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(list(words))
        written = capsys.readouterr()
        return int(left.value.code or 0), written.out, written.err

    return run


def printed(result: tuple[int, str, str]) -> Any:
    code, out, err = result
    assert code == 0, err
    return json.loads(out)


def without_unit(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "units": ""} for row in rows]


def a_held_file(site: Site) -> None:
    """Four of five rows cannot be used, one of them a calcium of 5.0 that says no unit: beyond the gate of 0.6."""
    site.patients("T1", "T2")
    rows = [*draw("T1", DAY, P=4.6), *without_unit(*draw("T2", DAY, CA=5.0, P=4.4), *draw("T1", DAY, hour=9, P=4.5, CA=9.4))]
    site.labs("held.csv", *rows)
    site.night(NIGHT)


def test_hazard_3_a_held_batch_is_told_to_its_unit_and_approved_from_the_command_line(site: Site, command: Command) -> None:
    a_held_file(site)
    told = site.rows("SELECT kind, destination, unit FROM nephrowatch.outbox WHERE kind IN ('held', 'unverified') ORDER BY 1, 2")
    assert told == [("held", "list", "N1"), ("held", "ops", None), ("unverified", "mail", "N1"), ("unverified", "slack", "N1")]
    [(number,)] = site.rows("SELECT file_id FROM nephrowatch.files WHERE state = 'held'")
    listed = printed(command("quarantine", "list", "--file", str(number), "--critical", "--json"))
    assert [(row["unit"], row["critical"], row["analyte"]) for row in listed["rows"]] == [("N1", "low", "calcium")]

    code, out, err = command("quarantine", "release", "--file", str(number), "--reason", " ", "--actor", "A. Example")
    assert (code, out) == (2, "")
    assert "--reason is empty" in err
    done = printed(command("quarantine", "release", "--file", str(number), "--reason", "the laboratory confirmed it",
                           "--actor", "A. Example", "--json"))  # fmt: skip
    assert (done["stored"], done["quarantined"]) == (1, 4)
    again = command("quarantine", "release", "--file", str(number), "--reason", "again", "--actor", "A. Example")
    assert again[0] == 2
    assert f"File {number} is not held (any more)" in again[2]

    assert site.rows("SELECT state FROM nephrowatch.files WHERE file_id = " + str(number)) == [("stored",)]
    open_rows = printed(command("quarantine", "list", "--json"))["rows"]
    assert {row["reason"] for row in open_rows} == {"missing_unit"}
    assert len(site.rows("SELECT 1 FROM nephrowatch.outbox WHERE kind = 'unverified'")) == 2, "told before, not told again"


def test_a_held_batch_is_discarded_and_leaves_the_morning_list(site: Site, command: Command) -> None:
    a_held_file(site)
    [(number,)] = site.rows("SELECT file_id FROM nephrowatch.files WHERE state = 'held'")
    code, out, _ = command("quarantine", "discard", "--file", str(number), "--reason", "sent by mistake", "--actor", "A. Example")
    assert (code, out.strip()) == (0, "Discarded: 5 rows.")
    site.night(NIGHT + timedelta(days=1))
    lists = "SELECT content FROM nephrowatch.outbox WHERE kind = 'digest' AND unit = 'N1' ORDER BY night DESC LIMIT 1"
    [(content,)] = site.rows(lists)
    assert (content["unverified"], content["held"]) == ([], {})


def test_a_row_is_shown_with_what_it_was_and_mended_by_a_retry_after_the_mapping(site: Site, command: Command) -> None:
    site.patients("T1", "T2")
    site.labs("a.csv", *draw("T1", DAY, P=4.6, CA=9.1), {**draw("T2", DAY, P=5.5)[0], "units": "mg/dezi"})
    site.night(NIGHT)
    [row] = printed(command("quarantine", "list", "--feed", "n1-labs", "--json"))["rows"]
    code, out, _ = command("quarantine", "show", f"Q-{row['quarantine_id']}")
    assert code == 0
    for part in ("unknown_unit", "open", "a.csv", "line 4", "mg/dezi", row["sentence"], row["remedy"], "release it: no"):
        assert part in out

    assert command("quarantine", "retry", "--actor", "A. Example")[0] == 2
    nothing = printed(command("quarantine", "retry", "--all", "--actor", "A. Example", "--json"))
    assert (nothing["mended"], nothing["still_bad"]) == (0, 1)
    feeds = site.root / "config" / "feeds.yaml"
    codes = "      codes: {P: phosphate, CA: calcium, ALB: albumin, PTH: pth, K: potassium}\n"
    feeds.write_text(feeds.read_text().replace(codes, codes + "      units: {mg/dezi: mg/dL}\n"))
    mended = printed(command("quarantine", "retry", "--reason", "unknown_unit", "--actor", "A. Example", "--json"))
    assert (mended["mended"], mended["still_bad"]) == (1, 0)
    assert printed(command("quarantine", "list", "--json"))["rows"] == []
    shown = printed(command("quarantine", "show", f"Q-{row['quarantine_id']}", "--json"))
    assert (shown["state"], shown["ended_by"]) == ("mended", "A. Example")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("quarantine", "show", "12x"), "'12x' is no row of the quarantine; write it like Q-12."),
        (("quarantine", "show", "Q-99"), "There is no row Q-99 in quarantine"),
        (("quarantine", "release", "--reason", "r", "--actor", "a"), "Name one row (Q-12) or one held file (--file 7)."),
        (("quarantine", "discard", "Q-1", "--file", "2", "--reason", "r", "--actor", "a"), "Name one row (Q-12)"),
        (("quarantine", "release", "Q-99", "--reason", "r", "--actor", "a"), "There is no row 99 in quarantine."),
        (("quarantine", "release", "Q-1", "--actor", "a"), "--reason"),
        (("feeds", "check", "--feed", "n9-labs", "--file", "x"), "There is no feed 'n9-labs' in feeds.yaml"),
        (("feeds", "check", "--feed", "n1-labs", "--file", "not-there.csv"), "not-there.csv cannot be read"),
        (("patients", "unmerge", "T1", "T2", "--authority", "HOSP", "--reason", "r", "--actor", "a"), "is not known here"),
        (("patients", "unmerge", "T1", "T2", "--authority", "HOSP", "--reason", "", "--actor", "a"), "--reason is empty"),
        (("quality", "docs", "--out", "x"), "No file has been checked yet"),
    ],
)
def test_a_wrong_wish_is_one_sentence_and_exit_code_2(command: Command, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_feeds_list_says_what_is_missing_since_when_and_what_arrives(site: Site, command: Command) -> None:
    site.patients("T1")
    site.labs("a.csv", *draw("T1", DAY, P=4.6))
    (site.root / "config" / "feeds" / "medications").rmdir()
    (site.root / "config" / "feeds" / "n2-labs").rmdir()
    site.night(NIGHT)
    feeds = {feed["feed"]: feed for feed in printed(command("feeds", "list", "--look", "--json"))}
    assert {name: feed["state"] for name, feed in feeds.items()} == {
        "n1-labs": "arriving", "n2-labs": "missing", "medications": "missing", "census": "arriving",
    }  # fmt: skip
    assert feeds["n1-labs"]["stored"] == 1
    assert feeds["n2-labs"]["folder"]["reason"] == "missing_folder"
    text = command("feeds", "list")[1]
    assert "n2-labs: The place it comes from cannot be listed (missing folder). Since 2026-04-15T05:00." in text
    assert [alarm["feed"] for alarm in printed(command("feeds", "alarms", "--json"))] == ["medications", "n2-labs"]


def test_feeds_check_tries_a_description_without_storing_or_showing_a_value(site: Site, command: Command) -> None:
    path = site.labs("try.csv", *draw("OXENHOPE7", DAY, P=4.6), *without_unit(*draw("T2", DAY, CA=5.1)))
    tried = printed(command("feeds", "check", "--feed", "n1-labs", "--file", str(path), "--json"))
    assert (tried["received"], tried["good"], tried["quarantined"]) == (2, 1, 1)
    assert [(r["kind"], r["reason"], r["rows"], r["lines"]) for r in tried["reasons"]] == [("labs", "missing_unit", 1, [3])]
    [example] = tried["examples"]
    assert "analyte_name phosphate" in example["row"]
    assert "patient xxxxxxxx9" in example["row"]
    text = command("feeds", "check", "--feed", "n1-labs", "--file", str(path))[1]
    for hidden in ("OXENHOPE", "4.6", "5.1"):
        assert hidden not in text
    assert site.rows("SELECT count(*) FROM nephrowatch.files") == [(0,)]

    (path := Path(path).with_name("cut.csv")).write_text("patient,result\nT1,4.6\n")
    refused = printed(command("feeds", "check", "--feed", "n1-labs", "--file", str(path), "--json"))
    assert refused["held"]["reason"] == "wrong_columns"


def test_data_docs_are_written_where_asked_and_counts_are_printed(site: Site, command: Command, tmp_path: Path) -> None:
    site.patients("T1")
    site.labs("a.csv", *draw("T1", DAY, P=4.6), *without_unit(*draw("T1", DAY, CA=9.1)))
    site.night(NIGHT)
    code, out, err = command("quality", "docs", "--out", str(tmp_path / "docs"))
    assert code == 0, err
    assert Path(out.strip()).is_file()
    [count] = printed(command("quality", "counts", "--json"))
    assert (count["feed"], count["unit"], count["reason"]) == ("n1-labs", "N1", "missing_unit")
    assert (count["state"], count["rows"]) == ("open", 1)


def test_links_of_a_number_say_what_it_means_and_why(site: Site, command: Command) -> None:
    site.patients("T1", "T2")
    site.night(NIGHT)
    [link] = printed(command("patients", "links", "T1", "--json"))
    assert (link["identifier"], link["patient"], link["reason"]) == ("T1", "T1", "founded")
    assert "Nothing is known of this number." in command("patients", "links", "T9")[1]
