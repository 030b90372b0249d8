"""Cards with details, from the laboratory's file to the post: only under a leave, only where it may be seen, never twice."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from monitors import pipeline
from monitors.database import Role
from monitors.delivery import detail_cards
from monitors.delivery.deliver import deliver
from monitors.errors import NotReadyError
from monitors.history import ledger
from tests.leaks import leaks, secrets, sent
from tests.site import Site, monthly

NIGHT = date(2026, 4, 15)
LAST = NIGHT - timedelta(days=1)
PATIENT = "ZQX-48213"
PHOSPHATE, CALCIUM, PTH = (5.2317, 5.9423, 6.8531), (9.4413, 9.5529, 9.7637), 541.3
HIDDEN = secrets((PATIENT,), (*PHOSPHATE, *CALCIUM, PTH))
PEOPLE = """
people:
  - {name: Dr. Near, login: near, role: nephrologist, units: [N1], slack: U0NEAR, email: near@renal.example}
"""
WHY = {"actor": "A. Engineer", "reason": "agreed with data protection"}
PNG = b"\x89PNG\r\n"


@pytest.fixture
def unit(site: Site) -> Site:
    """One patient on warfarin whose values rise: an alert to a Slack channel and to a mailbox is due on the night."""
    (site.root / "config" / "people.yaml").write_text(PEOPLE)
    site.patients(PATIENT)
    values = [{"P": p, "CA": c} for p, c in zip(PHOSPHATE, CALCIUM, strict=True)]
    site.labs("draws.csv", *monthly(PATIENT, LAST, *values), *monthly(PATIENT, LAST - timedelta(days=60), {"PTH": PTH}))
    site.medications("list.csv", {"patient": PATIENT, "drug": "Warfarin 3 mg", "start": "2025-06-01", "listed": f"{LAST}"})
    return site


def allow(site: Site, *destinations: str, until: date = date(2026, 6, 30)) -> None:
    for to in destinations:
        pipeline.detail_allow(to, until=until, approved_by="near", here=site.here, **WHY)


def cards(site: Site) -> list[dict[str, Any]]:
    return [post for post in site.slack_standin.accepted.entries if post["method"] in ("chat.postMessage", "chat.update")]


def alerts(site: Site) -> list[dict[str, Any]]:
    return [mail for mail in site.smtp_standin.mails if mail["recipient"] == "team@renal.example"]


def told_operations(site: Site) -> list[str]:
    return [mail["text"] for mail in site.smtp_standin.mails if mail["recipient"] == "ops@renal.example"]


def kept(site: Site, destination: str = "slack") -> list[Any]:
    return [row.detail for row in site.rows(
        "SELECT a.detail FROM nephrowatch.attempts a JOIN nephrowatch.outbox o USING (outbox_id) "
        f"WHERE o.destination = '{destination}' AND o.kind = 'alert' ORDER BY a.outbox_id, a.attempt")]  # fmt: skip


def image(post: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in post["blocks"] if block["type"] == "image"]


def test_a_card_with_details_says_who_what_why_and_what_ends_it(unit: Site) -> None:
    allow(unit, "slack", "mail")
    unit.night(NIGHT)
    [post] = cards(unit)
    shown = str(post["blocks"])
    for said in (f"EXAMPLE {PATIENT} · born 3 Feb 1957 · no. {PATIENT} (HOSP)", "Responsible on record: nobody named",
                 "REVIEW: Vitamin K antagonist with raised mineral", "Phosphate, mg/dL: 6.8531 on Tue 14 Apr", "23 h old",
                 "before: 5.9423 on 17 Mar, 5.2317 on 17 Feb",
                 "Calcium (total), mg/dL: 9.7637", "541.3", "Warfarin 3 mg, since 1 Jun 2025",
                 "Drugs, as on the list of 14 Apr 2026",
                 "what the vitamin K antagonist is for", "Is a recent skin examination on record?",
                 "It ends by itself when", "approved for this channel or mailbox, until 30 Jun 2026",
                 "Told now because: "):  # fmt: skip
        assert said in shown, said
    [picture] = image(post)
    [upload] = unit.slack_standin.uploads.files.values()
    assert picture["slack_file"] == {"id": upload.number}
    assert upload.content.startswith(PNG)
    assert (upload.channel, upload.title) == ("", "Trend")
    assert "Phosphate, mg/dL: 5.2317 on 17 Feb, 5.9423 on 17 Mar, 6.8531 on 14 Apr" in picture["alt_text"]
    [mail] = alerts(unit)
    for said in (f"EXAMPLE {PATIENT}", "6.8531", "Warfarin 3 mg"):
        assert said in mail["text"]
        assert said in mail["html"]
    [inline] = mail["inline"]
    assert base64.b64decode(inline["content"]).startswith(PNG)
    assert f'src="cid:{inline["cid"].strip("<>")}"' in mail["html"]
    assert 'alt="Trend, oldest first. Phosphate' in mail["html"]


@pytest.mark.hazard(8)
def test_a_card_with_details_names_the_responsible_clinician_of_the_newest_census(unit: Site) -> None:
    feeds = unit.root / "config" / "feeds.yaml"
    feeds.write_text(feeds.read_text().replace("family_name: name}", "family_name: name, clinician: doctor, schedule: days}"))
    columns = ("patient", "from", "unit", "status", "modality", "born", "name", "doctor", "days")
    rows = [{"patient": PATIENT, "from": since, "unit": "N1", "status": "active", "modality": "HD", "born": "1957-02-03",
             "name": f"EXAMPLE {PATIENT}", "doctor": doctor, "days": "Tue/Thu/Sat"}
            for since, doctor in (("2025-01-01", "Dr. A. Earlier"), ("2026-03-01", "Dr. B. Now"))]  # fmt: skip
    unit.file("census", f"census-N1-2025-01-01-active-{PATIENT}.csv", columns, rows)
    allow(unit, "slack", "mail")
    unit.night(NIGHT)
    [post], [mail] = cards(unit), alerts(unit)
    for shown in (str(post["blocks"]), mail["text"], mail["html"]):
        assert "Responsible on record: Dr. B. Now    Dialysis days: Tue/Thu/Sat" in shown
        assert "Dr. A. Earlier" not in shown


def test_details_stand_in_the_card_and_nowhere_else(unit: Site) -> None:
    allow(unit, "slack", "mail")
    unit.night(NIGHT)
    found = {leak.partition(":")[0] for leak in leaks(sent(unit), HIDDEN)}
    assert found == {"slack blocks", "slack upload alt text", "alt text", "mail text", "mail html"}
    kept_by = {
        "attempts": str(unit.rows("SELECT detail, sentence FROM nephrowatch.attempts")),
        "ledger": str(unit.rows("SELECT convert_from(body, 'UTF8') FROM history.bodies JOIN history.ledger USING (seq) "
                                "WHERE kind LIKE 'delivery%' AND convert_from(body, 'UTF8') LIKE '%leave%'")),
        "content": str(unit.rows("SELECT content, receipt FROM nephrowatch.outbox")),
    }  # fmt: skip
    assert leaks(kept_by, HIDDEN) == []
    assert "approved_by" in kept_by["attempts"]


def test_without_a_leave_withdrawn_expired_or_elsewhere_there_are_none(unit: Site) -> None:
    unit.night(NIGHT)
    assert kept(unit) == [None]
    allow(unit, "slack", "mail", until=NIGHT)
    unit.clock += timedelta(days=1)  # expired by now
    again(unit, 1)
    allow(unit, "slack", "mail")
    for to in ("slack", "mail"):
        pipeline.detail_withdraw(to, here=unit.here, **WHY)
    again(unit, 2)
    allow(unit, "slack", "mail")
    for file, old, new in (("routes.yaml", "C0TEST01", "C0TEST02"), ("routes.yaml", "team@", "group@")):
        path = unit.root / "config" / file
        path.write_text(path.read_text().replace(old, new))
    again(unit, 3)
    assert len(cards(unit)) == 4 + 3  # three of them in the thread of a first one, which is brought up to date
    assert leaks(sent(unit), HIDDEN) == []
    assert unit.slack_standin.uploads.files == {}
    assert kept(unit) == [None] * 4


def again(site: Site, number: int) -> None:
    """The same alert once more, as another row: what a later change would send."""
    with site.db.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(
            "INSERT INTO nephrowatch.outbox (dedup_key, kind, destination, severity, unit, night, episode_id, change_seq, "
            "content, next_attempt_at, created_at) SELECT dedup_key || :n, kind, destination, severity, unit, night, episode_id, "
            "change_seq, content, :now, :now FROM nephrowatch.outbox WHERE kind = 'alert' AND dedup_key NOT LIKE '%/again%'"),
            {"n": f"/again{number}", "now": site.clock})  # fmt: skip
    pipeline.deliver(here=site.here)


CHANNELS = {
    "public": ({"is_private": False}, "channel_not_private"),
    "not said": ({"is_private": None}, "channel_not_private"),
    "shared with another workspace": ({"is_ext_shared": True}, "channel_shared"),
    "shared within an organisation": ({"is_org_shared": True}, "channel_shared"),
    "about to be shared": ({"is_pending_ext_shared": True}, "channel_shared"),
}


@pytest.mark.parametrize("case", CHANNELS)
def test_where_others_could_see_it_the_card_goes_out_free_of_details_and_operations_is_told_once(unit: Site, case: str) -> None:
    about, reason = CHANNELS[case]
    allow(unit, "slack")
    unit.slack_standin.about = about
    unit.night(NIGHT)
    unit.clock += timedelta(hours=1)
    again(unit, 1)
    assert cards(unit)
    assert leaks(sent(unit), HIDDEN) == []
    assert [one["refused"] for one in kept(unit)] == [reason, reason]
    [told] = told_operations(unit)
    assert f"Outcome: {reason.replace('_', ' ')}" in told
    unit.slack_standin.about = {}
    unit.clock += timedelta(hours=1)
    again(unit, 2)
    assert [bool(one.get("refused")) for one in kept(unit)] == [True, True, False]


def test_where_slack_cannot_be_asked_there_are_no_details(unit: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(unit, "slack")
    monkeypatch.setattr(unit.slack_standin, "info_fault", "missing_scope")
    unit.night(NIGHT)
    assert len(cards(unit)) == 1
    assert leaks(sent(unit), HIDDEN) == []
    assert kept(unit)[0]["refused"] == "channel_not_checked"


STEPS = {
    "no address for it": lambda slack: slack.uploads.refuse.update({"files.getUploadURLExternal": "missing_scope"}),
    "not taken": lambda slack: slack.uploads.refuse.update({"upload": "unwell"}),
    "not ended": lambda slack: slack.uploads.refuse.update({"files.completeUploadExternal": "internal_error"}),
    "not looked at": lambda slack: slack.uploads.refuse.update({"files.info": "missing_scope"}),
    "never read": lambda slack: setattr(slack.uploads, "slow", 99),
    "not drawn": lambda slack: None,
}


@pytest.mark.parametrize("case", STEPS)
def test_a_picture_that_fails_holds_no_message_up(unit: Site, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(unit, "slack")
    STEPS[case](unit.slack_standin)
    if case == "not drawn":
        monkeypatch.setattr(detail_cards, "trend", lambda *_: 1 / 0)
    unit.night(NIGHT)
    [post] = cards(unit)
    assert image(post) == []
    assert "6.8531 on Tue 14 Apr" in str(post["blocks"])
    assert kept(unit)[0]["picture"] == ("not_drawn" if case == "not drawn" else "not_uploaded")


def test_a_picture_slack_refuses_in_the_post_is_left_out_and_the_post_is_one(unit: Site) -> None:
    allow(unit, "slack")
    unit.slack_standin.fault("ok_false:invalid_blocks")
    unit.night(NIGHT)
    [post] = cards(unit)
    assert image(post) == []
    [row] = unit.rows("SELECT state, receipt, attempt FROM nephrowatch.outbox WHERE destination = 'slack' AND kind = 'alert'")
    assert (row.state, row.receipt["without_picture"], row.attempt) == ("delivered", True, 1)


def decided(here: pipeline.Here) -> None:
    """A night up to its messages, which wait."""
    run = pipeline.begin(NIGHT, here=here)
    pipeline.receive(run, here=here)
    pipeline.check(run, here=here)
    for shard in pipeline.freeze(run, True, here=here):
        pipeline.judge(shard, here=here)
    pipeline.reconcile(run, here=here)


class Killed(BaseException):
    """Stands for a kill: every step before it is committed, nothing after it runs."""


@pytest.mark.parametrize(("point", "posts", "uploads"), [
    ("after_upload", 1, 2), ("before_send_started_commit", 1, 2), ("after_send_started", 1, 2), ("after_http", 2, 2),
])  # fmt: skip
@pytest.mark.parametrize("history", [True, False])
def test_a_kill_between_upload_and_post_loses_nothing_and_doubles_nothing_in_silence(
    unit: Site, point: str, posts: int, uploads: int, history: bool
) -> None:
    allow(unit, "slack")
    unit.slack_standin.history = history
    if history and point == "after_http":
        posts, uploads = 1, 1  # the copy that had arrived is found
    here = unit.here

    def crash(reached: str) -> None:
        if reached == point and unit.slack_standin.uploads.files:  # the mail may go first
            raise Killed

    decided(here)
    with pytest.raises(Killed):
        deliver(unit.db, here.config, here.settings, here.clock, ledger.append, wait=here.wait, crash=crash)
    for _ in range(2):  # after the lease, then after the back-off
        unit.clock += timedelta(minutes=30)
        pipeline.deliver(here=unit.here)
    first, *more = cards(unit)
    assert len([post for post in cards(unit) if post["method"] == "chat.postMessage"]) == posts
    assert len(unit.slack_standin.uploads.files) == uploads
    assert "6.8531" in str(first["blocks"])
    assert all("POSSIBLE REPEAT" in str(post["blocks"]) for post in more)
    assert {row.state for row in unit.rows("SELECT state FROM nephrowatch.outbox WHERE destination = 'slack'")} == {"delivered"}


def test_a_leave_withdrawn_while_the_card_is_made_keeps_the_details_in(unit: Site) -> None:
    allow(unit, "slack")
    here = unit.here

    def crash(point: str) -> None:
        if point == "after_upload" and unit.slack_standin.uploads.files and not withdrawn:
            withdrawn.append(pipeline.detail_withdraw("slack", here=unit.here, **WHY))

    withdrawn: list[Any] = []
    decided(here)
    deliver(unit.db, here.config, here.settings, here.clock, ledger.append, wait=here.wait, crash=crash)
    assert withdrawn
    [post] = cards(unit)
    assert leaks({"slack": str(post)}, HIDDEN) == []


def test_the_login_that_delivers_reads_of_a_patient_under_a_leave_and_no_other_way(unit: Site) -> None:
    unit.night(NIGHT)
    [row] = unit.rows("SELECT outbox_id FROM nephrowatch.outbox WHERE destination = 'slack' AND kind = 'alert'")
    ask = sa.text("SELECT nephrowatch.detail_of(:id, :now, 'slack C0TEST01 at ' || :url)")
    given = {"id": row.outbox_id, "now": unit.clock, "url": unit.slack}

    def asked() -> Any:
        with unit.db.begin(Role.DELIVERY) as connection:
            return connection.execute(ask, given).scalar_one()

    allow(unit, "slack")
    assert asked() is None, "a message that is delivered already is nobody's claim"
    with unit.db.begin(Role.DELIVERY) as connection:
        connection.execute(sa.text("UPDATE nephrowatch.outbox SET state = 'claimed', lease_until = now(), "
                                   "claim_token = gen_random_uuid()"))  # fmt: skip
    assert asked()["patient"]["number"] == PATIENT
    pipeline.detail_withdraw("slack", here=unit.here, **WHY)
    assert asked() is None
    for table in ("subjects", "results", "findings", "medications", "census"):
        with pytest.raises((sa.exc.ProgrammingError, NotReadyError)), unit.db.begin(Role.DELIVERY) as connection:
            connection.execute(sa.text(f"SELECT * FROM nephrowatch.{table}"))

