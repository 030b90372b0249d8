"""Folders, S3 and SFTP: which files are ready, which are passed over, what is never read."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import feed_builders as build
import pytest

from monitors.errors import FeedError, UserError
from monitors.feed_model import Feed
from monitors.feeds import places
from tests.feeds import stand_ins

NOW = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def secret(name: str) -> str:
    if name == "INBOX_PASSWORD":
        return stand_ins.PASSWORD
    raise UserError(f"The secret {name} is not set: set {name}.")


def look(folder: Path, change: dict[str, Any] | None = None, now: dt.datetime = NOW) -> places.Looked:
    with places.reach("a-labs", build.feed(change), folder, secret) as place:
        return place.look(now)


def taken(folder: Path, change: dict[str, Any] | None = None) -> dict[str, bytes]:
    with places.reach("a-labs", build.feed(change), folder, secret) as place:
        return {found.name: place.read(found) for found in place.look(NOW).found}


def refused(folder: Path, change: dict[str, Any] | None = None) -> tuple[str, str]:
    with pytest.raises(FeedError) as caught:
        taken(folder, change)
    return caught.value.reason, str(caught.value)


def test_a_missing_folder_has_its_reason_and_says_what_to_do(tmp_path: Path) -> None:
    reason, sentence = refused(tmp_path)
    assert reason == "missing_folder"
    assert sentence.startswith("The folder of feed a-labs (inbox) is not there; mend its location")


def test_names_that_are_being_written_or_hidden_are_passed_over(inbox: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt", ".d.csv", "e.csv~", "f.csv.part", "g.tmp", "~$h.csv", "i.CSV.FILEPART"):
        (inbox / name).write_bytes(name.encode())
    (inbox / "j.csv").mkdir()
    os.mkfifo(inbox / "k.csv")
    found = look(inbox.parent, {"pattern": "*"})
    assert [file.name for file in found.found] == ["a.csv", "b.csv", "c.txt"]
    assert found.passed_over == 7
    assert taken(inbox.parent) == {"a.csv": b"a.csv", "b.csv": b"b.csv"}


def test_folders_below_are_looked_into_where_the_pattern_says_so(inbox: Path) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", ".h/d.csv"):
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(b"")
    (inbox / "loop").symlink_to(inbox)
    for pattern, names in {"*.csv": ["a.csv"], "**/*.csv": ["a.csv", "x/b.csv", "x/y/c.csv"], "x/*.csv": ["x/b.csv"],
                           "[!a]/?.csv": ["x/b.csv"]}.items():  # fmt: skip
        assert [file.name for file in look(inbox.parent, {"pattern": pattern}).found] == names, pattern


def test_files_of_a_fhir_export_come_in_the_order_they_refer_to_each_other(inbox: Path) -> None:
    for name in ("Observation.ndjson", "Patient.ndjson", "Specimen.ndjson"):
        (inbox / name).write_bytes(b"")
    feed = Feed.model_validate({"format": "fhir", "location": "inbox", "pattern": "*", "laboratory": "lab-a",
                                "authority": "hospital-a", "zone": "Europe/London"})  # fmt: skip
    with places.reach("fhir", feed, inbox.parent, secret) as place:
        assert [found.name.split(".")[0] for found in place.look(NOW).found] == ["Patient", "Specimen", "Observation"]


def test_a_link_out_of_the_folder_is_refused_and_one_within_is_read(inbox: Path) -> None:
    (inbox.parent / "secret.csv").write_bytes(b"elsewhere")
    (inbox / "b.csv").write_bytes(b"here")
    (inbox / "a.csv").symlink_to(inbox / "b.csv")
    assert taken(inbox.parent) == {"a.csv": b"here", "b.csv": b"here"}
    (inbox / "c.csv").symlink_to("../secret.csv")
    assert refused(inbox.parent)[0] == "outside_folder"
    (inbox / "c.csv").unlink()
    (inbox / "c.csv").symlink_to("nowhere")
    assert refused(inbox.parent)[0] == "unreadable"


def test_a_file_is_ready_when_it_has_rested(inbox: Path) -> None:
    (inbox / "a.csv").write_bytes(b"raw")
    os.utime(inbox / "a.csv", (1_000_000, 1_000_000))
    changed = dt.datetime.fromtimestamp(1_000_000, dt.UTC)
    rule = {"ready": {"settled_seconds": 60}}
    young = look(inbox.parent, rule, changed + dt.timedelta(seconds=59))
    assert (young.found, [wait.why for wait in young.waiting]) == ([], ["it changed less than 60 seconds ago"])
    assert look(inbox.parent, rule, changed + dt.timedelta(seconds=60)).waiting == []


def test_a_file_that_grows_while_it_is_read_waits_and_is_never_read_in_part(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "a.csv").write_bytes(b"half")
    with places.reach("a-labs", build.feed(), inbox.parent, secret) as place:
        [found] = place.look(NOW).found
        read = place.system.open

        def writes_on(path: str, mode: str) -> Any:
            with (inbox / "a.csv").open("ab") as stream:
                stream.write(b" and more")
            return read(path, mode)

        monkeypatch.setattr(type(place.system), "open", lambda self, path, mode: writes_on(path, mode))
        with pytest.raises(FeedError) as caught:
            place.read(found)
    assert caught.value.reason == places.NOT_YET


def test_nothing_above_the_cap_is_read(inbox: Path) -> None:
    (inbox / "a.csv").write_bytes(b"12345")
    assert taken(inbox.parent, {"caps": {"bytes": 5}}) == {"a.csv": b"12345"}
    assert refused(inbox.parent, {"caps": {"bytes": 4}})[0] == "too_large"


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("written", ["{}", "{}  a.csv\n", "SHA256 (a.csv) = {}\n", "0" * 64 + "  b.csv\n{} *a.csv\n"])
def test_a_sidecar_is_waited_for_and_verified_and_is_no_file_of_the_feed(inbox: Path, written: str) -> None:
    rule = {"ready": {"sidecar": ".sha256"}, "pattern": "*"}
    (inbox / "a.csv").write_bytes(b"raw")
    assert [wait.why for wait in look(inbox.parent, rule).waiting] == ["its .sha256 file is not there yet"]
    side = inbox / "a.csv.sha256"
    side.write_text("")
    assert refused(inbox.parent, rule)[0] == places.NOT_YET
    side.write_text(written.format(sha(b"raw").upper()))
    assert taken(inbox.parent, rule) == {"a.csv": b"raw"}
    (inbox / "a.csv").write_bytes(b"RAW")
    assert refused(inbox.parent, rule)[0] == "checksum_mismatch"


@pytest.mark.parametrize("text", ["not a checksum", "0" * 64 + "  b.csv\n" + "1" * 64 + "  c.csv\n"])
def test_a_sidecar_that_names_no_checksum_of_the_file_is_a_mismatch(inbox: Path, text: str) -> None:
    (inbox / "a.csv").write_bytes(b"raw")
    (inbox / "a.csv.sha256").write_text(text)
    assert refused(inbox.parent, {"ready": {"sidecar": ".sha256"}})[0] == "checksum_mismatch"


# ------------------------------------------------------------------------------------------- other machines
@pytest.fixture(scope="module")
def bucket() -> Iterator[tuple[str, Any]]:
    with stand_ins.s3_server() as served:
        yield served


def test_a_bucket_is_a_folder_and_is_looked_at_anew_each_time(bucket: tuple[str, Any], tmp_path: Path) -> None:
    address, client = bucket
    change = {
        "location": "s3://inbox/labs", "pattern": "**/*.csv", "ready": {"sidecar": ".md5"},
        "storage": {"options": {"key": stand_ins.USER, "endpoint_url": address,
                                "client_kwargs": {"region_name": "us-east-1"}},
                    "secrets": {"secret": "INBOX_PASSWORD"}},
    }  # fmt: skip
    assert refused(tmp_path, change)[0] == "missing_folder"
    for name in ("a.csv", "2026/b.csv", "2026/b.csv.md5", "c.txt"):
        body = hashlib.md5(b"2026/b.csv").hexdigest().encode() if name.endswith(".md5") else name.encode()
        client.put_object(Bucket="inbox", Key=f"labs/{name}", Body=body)
    assert [wait.name for wait in look(tmp_path, change).waiting] == ["a.csv"]
    assert taken(tmp_path, change) == {"2026/b.csv": b"2026/b.csv"}
    client.put_object(Bucket="inbox", Key="labs/a.csv.md5", Body=hashlib.md5(b"a.csv").hexdigest().encode())
    assert sorted(taken(tmp_path, change)) == ["2026/b.csv", "a.csv"]
    change["caps"] = {"bytes": 5}
    assert refused(tmp_path, change)[0] == "too_large"
    lacking = {**change, "storage": {**change["storage"], "secrets": {"secret": "NOBODY"}}}
    reason, sentence = refused(tmp_path, lacking)
    assert reason == "unreachable"
    assert sentence.endswith("(s3://inbox/labs) cannot be reached. The secret NOBODY is not set: set NOBODY.")


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    with stand_ins.sftp_server(tmp_path) as server:

        def change(**options: Any) -> dict[str, Any]:
            given = {"username": stand_ins.USER, "port": server.port, "host_key": server.host_key, **options}
            return {"location": "sftp://127.0.0.1/inbox", "pattern": "**/*.csv",
                    "storage": {"options": given, "secrets": {"password": "INBOX_PASSWORD"}}}  # fmt: skip

        yield change


def test_an_sftp_folder_is_read_from_a_server_that_is_known(sftp: Callable[..., dict[str, Any]], inbox: Path) -> None:
    (inbox / "x").mkdir()
    (inbox / "a.csv").write_bytes(b"a" * 100_000)
    (inbox / "x/b.csv").write_bytes(b"b")
    (inbox / "x/.c.csv").write_bytes(b"c")
    (inbox / "link.csv").symlink_to("a.csv")
    assert taken(inbox.parent, sftp()) == {"a.csv": b"a" * 100_000, "x/b.csv": b"b"}
    assert look(inbox.parent, sftp()).passed_over == 2, "what a link on another machine leads to is not known"
    young = look(inbox.parent, {**sftp(), "ready": {"settled_seconds": 7200}})
    assert [wait.name for wait in young.waiting] == ["a.csv", "x/b.csv"]
    assert refused(inbox.parent, {**sftp(), "location": "sftp://127.0.0.1/nowhere"})[0] == "missing_folder"


def test_an_sftp_server_nobody_knows_is_not_spoken_to(sftp: Callable[..., dict[str, Any]], inbox: Path) -> None:
    (inbox / "a.csv").write_bytes(b"a")
    other = stand_ins.paramiko.ECDSAKey.generate()
    reason, sentence = refused(inbox.parent, sftp(host_key=f"{other.get_name()} {other.get_base64()}"))
    assert (reason, "BadHostKeyException" in sentence) == ("unreachable", True)
    assert refused(inbox.parent, sftp(host_key="none"))[0] == "unreachable"
    assert refused(inbox.parent, sftp(username="somebody"))[0] == "unreachable"
