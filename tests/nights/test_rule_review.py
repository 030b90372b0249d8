"""Silent phase, waiver, kill switch and signature, over whole nights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitors import pipeline
from monitors.errors import UserError
from tests.conftest import TestServer
from tests.nights.conftest import a_site
from tests.nights.test_one_night import HIGH, NIGHT, a_unit
from tests.site import Site, monthly

SILENT_NIGHTS = 70  # two laboratory cycles of 35 days


@pytest.fixture
def silent_site(server: TestServer, tmp_path: Path) -> Iterator[Site]:
    with a_site(server, tmp_path / "site", waived=False) as ours:
        yield ours


def later(days: int) -> date:
    return NIGHT + timedelta(days=days)


def new_high(site: Site) -> None:
    """T9 becomes HIGH on the night after the baseline night."""
    a_unit(site)
    site.night(NIGHT)
    site.patients("T9", name="t9.csv")
    site.labs("t9.csv", *monthly("T9", NIGHT, HIGH, HIGH, HIGH, HIGH))
    site.night(later(1))


def life(site: Site, patient: str = "T9") -> list[tuple[str, str]]:
    return [(change[4], change[5]) for change in site.changes() if change[0] == patient]


def alerts(site: Site) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in site.rows(
        "SELECT o.night, o.destination, o.content ->> 'late' FROM nephrowatch.outbox o "
        "JOIN nephrowatch.episodes e USING (episode_id) JOIN nephrowatch.subjects s ON s.subject_id = e.patient_id "
        "WHERE o.kind = 'alert' AND s.identifier = 'T9' ORDER BY 1, 2")]  # fmt: skip


def withheld(site: Site) -> set[tuple[str, str]]:
    rows = site.rows("SELECT c.withheld FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id) "
                     "JOIN nephrowatch.subjects s ON s.subject_id = e.patient_id WHERE s.identifier = 'T9'")  # fmt: skip
    return {(one["destination"], one["reason"]) for row in rows for one in row.withheld}


def morning_list(site: Site, night: date) -> dict[str, Any]:
    ((content,),) = site.rows(
        f"SELECT content FROM nephrowatch.outbox WHERE kind = 'digest' AND unit = 'N1' AND night = '{night}'"
    )
    return dict(content)


def section(content: dict[str, Any], code: str) -> int:
    return next(int(one["episodes"]) for one in content["sections"] if one["code"] == code)


@pytest.mark.hazard(1)
def test_h1_a_silent_rule_records_whom_it_would_have_told_and_tells_late_when_silence_ends(silent_site: Site) -> None:
    site = silent_site
    new_high(site)
    assert life(site) == [("opened", "raised")]
    assert withheld(site) == {("mail", "silent_phase"), ("slack", "silent_phase")}
    listed = morning_list(site, later(1))
    assert section(listed, "silent_phase") >= 1
    assert (section(listed, "needs_a_look"), section(listed, "new")) == (0, 0)
    for back in (40, 12):
        site.labs(f"t9-{back}.csv", *monthly("T9", later(SILENT_NIGHTS - back), HIGH))
    site.night(later(SILENT_NIGHTS - 1))
    assert alerts(site) == []
    site.night(later(SILENT_NIGHTS))
    assert life(site)[-1] == ("told_late", "not_told_before")
    assert alerts(site) == [(later(SILENT_NIGHTS), "mail", "true"), (later(SILENT_NIGHTS), "slack", "true")]
    assert section(morning_list(site, later(SILENT_NIGHTS)), "needs_a_look") >= 1


@pytest.mark.hazard(14)
def test_a_waiver_ends_the_silence_of_that_rule_and_stands_in_the_ledger(silent_site: Site) -> None:
    site = silent_site
    new_high(site)
    assert pipeline.rules_decide("waived", ["r01"], actor="Dr Example", reason="agreed", here=site.here) == ["R01"]
    assert pipeline.rules_decide("waived", ["R01"], actor="Dr Example", reason="agreed", here=site.here) == []
    site.night(later(2))
    assert alerts(site) == [(later(2), "mail", "true"), (later(2), "slack", "true")]
    ((body,),) = site.rows("SELECT b.body FROM history.ledger l JOIN history.bodies b USING (seq) WHERE l.kind = 'rule_waived'")
    assert json.loads(bytes(body))["rule"] == "R01"


@pytest.mark.hazard(20)
def test_a_stopped_rule_ends_quietly_the_same_night_and_tells_again_once_resumed(site: Site) -> None:
    new_high(site)
    before = len(alerts(site))
    assert before == 2
    pipeline.rules_decide("stopped", ["R01"], actor="Dr Example", reason="wrong limit", here=site.here)
    site.night(later(2))
    assert life(site)[-1] == ("resolved", "rule_stopped")
    assert ("*", "rule_stopped") in withheld(site)
    listed = morning_list(site, later(2))
    assert listed["stopped"] == ["R01"]
    assert section(listed, "rule_stopped") >= 1
    assert len(alerts(site)) == before
    ((text,),) = site.rows("SELECT count(*) FROM nephrowatch.findings WHERE rule = 'R01' AND outcome = 'firing' "
                           "AND judgement_id = (SELECT max(judgement_id) FROM nephrowatch.judgements)")  # fmt: skip
    assert text >= 1  # judged on, as a shadow
    pipeline.rules_decide("resumed", ["R01"], actor="Dr Example", reason="mended", here=site.here)
    with pytest.raises(UserError, match="not stopped"):
        pipeline.rules_decide("resumed", ["R01"], actor="Dr Example", reason="mended", here=site.here)
    site.night(later(3))
    assert life(site).count(("opened", "raised")) == 2
    assert len(alerts(site)) == before + 2


@pytest.mark.hazard(14)
def test_a_signature_is_of_the_rule_as_written_and_every_message_says_which(site: Site) -> None:
    signed = {"actor": "Dr Example", "role": "nephrologist", "reason": "read"}
    with pytest.raises(UserError, match="role"):
        pipeline.rules_decide("signed", ["R01"], actor="Dr Example", reason="read", here=site.here)
    assert pipeline.rules_decide("signed", ["R01"], **signed, here=site.here) == ["R01"]
    new_high(site)
    sent = site.rows("SELECT content FROM nephrowatch.outbox WHERE kind = 'alert'")
    reviews = {one["id"]: one["review"] for (content,) in sent
               for one in content["rules"]}  # fmt: skip
    assert reviews["R01"].startswith("signed by Dr Example (nephrologist) on ")
    by_rule = {one["rule"]: one["review"] for one in pipeline.rules_list(here=site.here)}
    assert by_rule["R02"] == "not clinically reviewed at this site"
    assert "R01" not in [one["id"] for one in morning_list(site, later(1))["rules"] if "not clinically" in one["review"]]
    own = site.root / "config" / "overrides.yaml"
    own.write_text("overrides:\n  R01:\n    phosphate: "
                   "{limit: 5.6 mg/dL | 1.81 mmol/L, reason: agreed, author: Dr Example}\n")
    assert {one["rule"]: one["review"] for one in pipeline.rules_list(here=site.here)}["R01"] == by_rule["R02"]
