"""What people do about an alert from its page: who is offered what, what is recorded, and what is said when it is too late."""

from __future__ import annotations

import html
import re

import pytest

from monitors import pipeline
from tests.web.conftest import Web


def shown(web: Web, who: str) -> str:
    return web.as_(who).get(f"/alerts/{web.ref}").text


def offered(web: Web, who: str) -> list[str]:
    return re.findall(rf'action="/alerts/{web.ref}/(\w+)"', shown(web, who))


def did(web: Web) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in web.site.rows("SELECT action, actor, source FROM nephrowatch.human_actions ORDER BY action_id")]


def state(web: Web) -> str:
    return str(web.site.rows(f"SELECT state FROM nephrowatch.episodes WHERE ref = '{web.ref}'")[0][0])


def test_a_role_is_offered_what_it_may_do_and_nobody_else_anything(web: Web) -> None:
    assert offered(web, "doctor") == ["take", "acknowledge", "snooze", "dismiss", "outcome"]
    assert offered(web, "care") == ["take", "outcome"]
    assert offered(web, "auditor") == offered(web, "admin") == []


def test_hazard_6_two_identifiers_stand_before_the_first_button(web: Web) -> None:
    page = shown(web, "doctor")
    before = page[page.index("What you do about it") : page.index('class="fields act"')]
    assert "EXAMPLE T1" in before
    assert "3 Feb 1957" in before or "03 Feb 1957" in before
    assert ">T1<" in before


def test_hazard_11_opening_the_page_is_recorded_and_acknowledging_needs_it(web: Web) -> None:
    late = web.post("doctor", f"/alerts/{web.ref}/acknowledge")
    assert late.status_code == 409
    assert "Open the evidence" in late.text
    assert state(web) == "open"
    shown(web, "doctor")
    assert did(web) == [("opened", "near@renal.example", "web")]
    assert web.post("doctor", f"/alerts/{web.ref}/acknowledge").headers["location"].endswith("?done=acknowledge")
    assert state(web) == "acknowledged"
    page = shown(web, "care")
    assert "Dr. Near" in page
    assert "Acknowledged" in page
    assert "by Dr. Near" in web.as_("care").get("/").text


def test_an_auditor_who_looks_opens_no_evidence(web: Web) -> None:
    shown(web, "auditor")
    assert did(web) == []


def test_taken_and_given_back_by_whom_is_on_the_morning_page(web: Web) -> None:
    web.post("care", f"/alerts/{web.ref}/take")
    assert "taken by Nurse Example" in web.as_("doctor").get("/").text
    assert offered(web, "care")[0] == "release"
    other = web.post("doctor", f"/alerts/{web.ref}/take")
    assert other.status_code == 409
    assert "to take it over, give a reason" in html.unescape(other.text)
    assert web.post("doctor", f"/alerts/{web.ref}/take", reason="Handed over at the shift's end").status_code == 303
    web.post("doctor", f"/alerts/{web.ref}/release")
    assert "taken by" not in web.as_("care").get("/").text


@pytest.mark.parametrize(("form", "sentence"), [
    ({"until": "2026-04-30"}, "takes a reason"), ({"reason": "Plan in place"}, "Until which day"),
    ({"until": "2020-01-01", "reason": "Plan"}, "is not after today"), ({"until": "2031-01-01", "reason": "Plan"}, "at most"),
    ({"until": "soon", "reason": "Plan"}, "written like 2026-04-30"),
])  # fmt: skip
def test_a_snooze_says_what_it_lacks_and_changes_nothing(web: Web, form: dict[str, str], sentence: str) -> None:
    shown(web, "doctor")
    answer = web.post("doctor", f"/alerts/{web.ref}/snooze", **form)
    assert answer.status_code in (409, 422)
    assert sentence in html.unescape(answer.text)
    assert state(web) == "open"


def test_pressed_twice_it_counts_once_and_says_so(web: Web) -> None:
    shown(web, "doctor")
    once = web.post("doctor", f"/alerts/{web.ref}/dismiss", reason="Known, parathyroidectomy planned")
    again = web.post("doctor", f"/alerts/{web.ref}/dismiss", reason="Known, parathyroidectomy planned")
    assert (once.status_code, again.status_code) == (303, 409)
    assert "dismissed already" in again.text
    assert [action for action, _, _ in did(web)] == ["opened", "dismiss"]
    web.post("doctor", f"/alerts/{web.ref}/unacknowledge")
    assert state(web) == "open"


def test_the_history_is_searched_by_who_did_it(web: Web) -> None:
    shown(web, "doctor")
    web.post("doctor", f"/alerts/{web.ref}/acknowledge")
    for asked, found in (("near", True), ("near@renal.example", True), ("Nurse Example", False)):
        page = web.as_("auditor").get("/history", params={"actor": asked}).text
        assert ("Acknowledged by a nephrologist" in page) is found, asked


def test_who_may_not_is_refused_and_the_ledger_says_who_tried(web: Web) -> None:
    shown(web, "care")
    answer = web.post("care", f"/alerts/{web.ref}/dismiss", reason="I think so")
    assert answer.status_code == 409
    assert "Your role does not let you" in answer.text
    assert state(web) == "open"
    assert [kind for (kind,) in web.site.rows("SELECT kind FROM history.ledger ORDER BY seq DESC LIMIT 1")] == ["action_refused"]


def test_somebody_let_in_for_an_emergency_reads_and_does_not_act(web: Web) -> None:
    web.post("foreign", "/emergency", unit="N1", reason="On call for unit N1 tonight")
    assert offered(web, "foreign") == []
    answer = web.post("foreign", f"/alerts/{web.ref}/take")
    assert answer.status_code == 409
    assert "where you do not work" in answer.text


def test_what_came_of_it_is_asked_after_the_end_too(web: Web) -> None:
    shown(web, "doctor")
    assert web.post("doctor", f"/alerts/{web.ref}/outcome", outcome="plan_recorded").status_code == 303
    assert web.post("doctor", f"/alerts/{web.ref}/outcome", outcome="plan_recorded").status_code == 409
    assert web.post("doctor", f"/alerts/{web.ref}/outcome", outcome="nonsense").status_code == 409
    assert pipeline.verify(here=web.site.here)["first_bad"] is None
