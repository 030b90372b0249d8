"""Every route by every role: who gets what, what is written down first, and what never leaks."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy
from fastapi.routing import APIRoute

from monitors import pipeline
from monitors.database import Role
from monitors.delivery.report_cards import operations
from monitors.web import costs
from tests.site import draw
from tests.web.conftest import WHO, Web, links

# Every route with the access its role must have: 'open' needs nobody; the others name an area of access.AREAS.
ROUTES = {
    ("GET", "/sign-in"): "open", ("GET", "/sign-in/once"): "open", ("POST", "/sign-in/once"): "open",
    ("GET", "/sign-in/openid"): "open", ("GET", "/sign-in/callback"): "open", ("GET", "/style.css"): "open",
    ("POST", "/sign-out"): "any", ("GET", "/"): "any", ("GET", "/round"): "patients", ("GET", "/alerts/{ref}"): "patients",
    ("POST", "/alerts/{ref}/{action}"): "act", ("GET", "/patients/{sealed}"): "patients",
    ("GET", "/patients/{sealed}/looked"): "looked", ("GET", "/looked"): "looked", ("POST", "/emergency"): "emergency",
    ("GET", "/history"): "patients", ("GET", "/history/export.{form}"): "patients", ("GET", "/rules"): "rules",
    ("GET", "/feeds"): "feeds", ("GET", "/api/v1/episodes"): "patients", ("GET", "/api/v1/episodes/{ref}"): "patients",
    ("GET", "/api/v1/history"): "patients", ("GET", "/api/v1/ledger"): "any", ("GET", "/api/v1/openapi.json"): "any",
}  # fmt: skip
OPENS = {
    "any": {"care", "doctor", "foreign", "engineer", "auditor", "owner", "admin"},
    "patients": {"care", "doctor", "foreign", "auditor", "admin"},
    "act": {"care", "doctor", "foreign"}, "looked": {"auditor", "admin"}, "emergency": {"care", "doctor", "foreign"},
    "rules": {"care", "doctor", "foreign", "engineer", "auditor", "owner", "admin"},
    "feeds": {"care", "doctor", "foreign", "engineer", "auditor", "admin"},
}  # fmt: skip


def routes(web: Web) -> set[tuple[str, str]]:
    found = set()
    todo = list(web.app.routes)
    while todo:
        route = todo.pop()
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods}
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            assert inner is not None, f"{route!r} is a route of another kind: list what it serves"
            todo += inner.routes
    return found


def address(web: Web, who: str, path: str) -> str:
    return (path.replace("/patients/{sealed}", web.patient(who)).replace("{ref}", web.ref).replace("{action}", "take")
            .replace("{form}", "csv"))  # fmt: skip


def test_every_route_is_listed(web: Web) -> None:
    assert routes(web) == set(ROUTES)


def test_nobody_sees_anything_without_a_session_or_with_an_expired_one(web: Web) -> None:
    expired = web.browser()
    expired.cookies.set("nephrowatch_session", web.as_("care").cookies["nephrowatch_session"])
    for client, late in ((web.browser(), timedelta(0)), (expired, timedelta(hours=10))):
        web.site.clock += late
        for (method, path), area in ROUTES.items():
            if area != "open":
                answer = client.request(method, address(web, "care", path))
                assert answer.status_code in (303, 401), (method, path)
                assert "EXAMPLE" not in answer.text


@pytest.mark.parametrize("who", WHO)
def test_each_role_opens_what_is_drawn_and_nothing_else(web: Web, who: str) -> None:
    for (method, path), area in ROUTES.items():
        if area == "open" or path == "/sign-out":
            continue
        place = address(web, who, path)
        answer = web.post(who, place) if method == "POST" else web.as_(who).get(place)
        if who not in OPENS[area]:
            assert answer.status_code == 403, (method, path)
            assert "EXAMPLE" not in answer.text
        elif who == "foreign" and ("{ref}" in path or "{sealed}" in path):
            assert answer.status_code == 404, (method, path)
            assert "EXAMPLE T1" not in answer.text
        else:
            assert answer.status_code in (200, 303, 409, 422), (method, path, answer.text[:500])


def test_a_foreign_unit_shows_its_own_and_nobody_elses(web: Web) -> None:
    for path in ("/", "/round", "/history", "/history/export.ndjson", "/api/v1/episodes", "/api/v1/history"):
        mine, theirs = web.as_("care").get(path).text, web.as_("foreign").get(path).text
        assert web.ref in mine, path
        assert web.ref not in theirs, path
        assert "EXAMPLE T1" not in theirs
        assert "EXAMPLE T2" not in mine


def test_the_database_itself_shows_no_foreign_unit(web: Web) -> None:
    tables = ("episodes", "limbs", "changes", "told", "outbox", "findings", "standings", "finding_counts", "subjects", "census",
              "medications")  # fmt: skip

    def counts(units: str | None) -> dict[str, int]:
        with web.site.db.begin(Role.PAGES) as connection:
            if units is not None:
                connection.execute(sqlalchemy.text("SELECT set_config('nephrowatch.units', :u, true)"), {"u": units})
            return {t: connection.scalar(sqlalchemy.text(f"SELECT count(*) FROM nephrowatch.{t}")) for t in tables}

    both = counts("*")
    assert all(count == 0 for count in counts(None).values())
    assert all(count == 0 for count in counts("").values())
    one, two = counts("N1"), counts("N2")
    assert {t: one[t] + two[t] for t in tables if t != "outbox"} == {t: both[t] for t in tables if t != "outbox"}
    assert 0 < one["subjects"] < both["subjects"]


def test_every_table_that_knows_a_unit_or_patient_is_guarded(web: Web) -> None:
    """A new table the pages may read needs a policy, or stands here with the reason why not."""
    free = {"units": "names", "unit_rules": "no patient", "rule_events": "no patient", "feed_counts": "counts",
            "feed_alarms": "no patient", "page_reads": "who looked; opened to auditors by the app"}  # fmt: skip
    found = {row.relname for row in web.site.rows(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'nephrowatch'::regnamespace AND c.relkind IN ('r', 'v') AND NOT c.relrowsecurity "
        "AND a.attname IN ('unit', 'patient_id', 'subject_id', 'episode_id') "
        "AND has_table_privilege('nephrowatch_pages', c.oid, 'SELECT')")}  # fmt: skip
    assert found == set(free)


def test_what_is_shown_was_written_down_first(web: Web) -> None:
    web.as_("care").get(f"/alerts/{web.ref}")
    web.as_("care").get(web.patient("care"))
    rows = web.site.rows("SELECT what, viewer, unit FROM nephrowatch.page_reads ORDER BY ledger_seq")
    assert [tuple(row) for row in rows] == [("alert", "nurse@renal.example", "N1"), ("patient", "nurse@renal.example", "N1")]
    shown = web.as_("auditor").get(web.patient("auditor") + "/looked").text
    assert "Nurse Example" in shown


def test_without_a_log_there_is_no_data(web: Web) -> None:
    engine = sqlalchemy.create_engine(web.site.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("REVOKE INSERT ON nephrowatch.page_reads FROM nephrowatch_pages"))
    engine.dispose()
    for path in ("/", f"/alerts/{web.ref}", web.patient("care"), "/history", "/history/export.csv", "/api/v1/episodes"):
        answer = web.as_("care").get(path)
        assert answer.status_code == 503, path
        assert "EXAMPLE" not in answer.text
        assert "page_reads" not in answer.text


def test_an_emergency_is_marked_reported_and_ends(web: Web) -> None:
    assert web.post("foreign", "/emergency", unit="N1", reason="short").status_code == 422
    assert web.post("foreign", "/emergency", unit="N1", reason="On call for unit N1 tonight").status_code == 303
    assert web.as_("foreign").get(f"/alerts/{web.ref}").status_code == 200
    for path in ("/", "/history", "/rules"):
        assert "Emergency access:" in web.as_("foreign").get(path).text
    shown = web.as_("auditor").get("/looked").text
    assert shown.count("On call for unit N1 tonight") == 2
    told = web.site.rows("SELECT destination, content FROM nephrowatch.outbox WHERE content ->> 'event' = 'emergency_access'")
    assert {row.destination for row in told} == set(web.site.here.config.routes.operations())
    assert all(row.content == {"event": "emergency_access", "unit": "N1", "who": "Dr. Far, nephrologist"} for row in told)
    [card] = {str(operations(row.content, web.site.here.config.site, web.site.clock)) for row in told}
    assert "Opened by: Dr. Far, nephrologist" in card
    assert "tonight" not in card, "the reason is free text, and stays in the ledger"
    web.site.clock += timedelta(minutes=31)
    assert web.as_("foreign").get(f"/alerts/{web.ref}").status_code == 404


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}])
def test_a_form_from_elsewhere_is_refused(web: Web, headers: dict[str, str]) -> None:
    data = {"csrf": web.csrf("care")}
    assert web.as_("care").post(f"/alerts/{web.ref}/take", data=data, headers=headers).status_code == 403
    data = {"csrf": "guessed"}
    assert web.as_("care").post("/sign-out", data=data, headers={"Origin": "http://pages.example"}).status_code == 403


def test_every_answer_carries_the_headers(web: Web) -> None:
    for path in ("/", "/nowhere", f"/alerts/{web.ref}", "/api/v1/episodes", "/history/export.csv", "/sign-in"):
        answer = web.as_("care").get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "script" not in answer.headers["content-security-policy"]
        assert "<script" not in answer.text


def test_no_address_says_who_the_patient_is(web: Web) -> None:
    text = web.as_("care").get("/").text
    for link in links(text, "/"):
        assert "T1" not in link
        assert "EXAMPLE" not in link
    [mine] = set(links(text, "/patients/"))
    assert web.as_("care").get(mine).status_code == 200
    assert web.as_("auditor").get(mine).status_code == 404  # sealed for the nurse alone


@pytest.mark.parametrize("text", ["'; DROP TABLE nephrowatch.episodes; --", "<script>alert(1)</script>", "%00", "=1", "ü" * 150])
def test_odd_searches_are_harmless(web: Web, text: str) -> None:
    answer = web.as_("care").get("/history", params={"actor": text, "rule": text, "ref": text})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert web.as_("care").get("/history", params={"first": text}).status_code == 422
    assert web.as_("care").get("/").status_code == 200


def test_a_table_cell_is_never_a_formula(web: Web) -> None:
    from monitors.web.words import cell

    for text in ("=1+1", "+1", "@x", "-2", "\tx"):
        assert cell(text) == f"'{text}"
    assert [cell(-2.5), cell("x"), cell(None)] == [-2.5, "x", ""]
    answer = web.as_("care").get("/history/export.csv")
    assert all(not line.startswith(("=", "+", "@")) for line in answer.text.splitlines())


def test_an_export_says_what_it_is_and_is_written_down(web: Web) -> None:
    import hashlib

    answer = web.as_("care").get("/history/export.ndjson", params={"unit": "N1"})
    [head, *rows] = [json.loads(line) for line in answer.text.splitlines()]
    assert head["export"]["rows"] == len(rows) > 0
    assert answer.headers["x-content-sha256"] == hashlib.sha256(answer.content).hexdigest()
    [(body,)] = web.site.rows("SELECT convert_from(body, 'UTF8') FROM history.bodies ORDER BY seq DESC LIMIT 1")
    assert answer.headers["x-content-sha256"] in body
    for _ in range(9):
        assert web.as_("care").get("/history/export.csv").status_code == 200
    assert web.as_("care").get("/history/export.csv").status_code == 429


def test_a_one_time_link_is_spent_once_and_guessing_is_limited(web: Web) -> None:
    pages = web.app.state.pages
    token = pages.sessions.once(WHO["care"], pages.here.clock())
    client = web.browser()
    assert client.get(f"/sign-in/once?token={token}").status_code == 200
    answer = client.post("/sign-in/once", data={"token": token})
    assert answer.status_code == 303
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    codes = [client.post("/sign-in/once", data={"token": token}).status_code for _ in range(12)]
    assert codes[0] == 403
    assert codes[-1] == 429


def test_the_history_goes_on_where_a_page_ended(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitors.web import history

    whole = re.findall(r"<tr><td data-label.*", web.as_("auditor").get("/history").text)
    assert len(whole) > 2
    monkeypatch.setattr(history, "SHOWN", 1)
    path, seen = "/history?unit=", []
    while path:
        text = web.as_("auditor").get(path).text
        seen += re.findall(r"<tr><td data-label.*", text)
        older = links(text, '/history\\?[^"]*before=')
        path = html.unescape(older[0]) if older else ""
    assert seen == whole
    for before in ("x", "1-2", "1-2-3; --", "9" * 30):
        assert web.as_("auditor").get("/history", params={"before": before}).status_code == 422


def test_a_search_for_a_rule_or_a_person_finds_them_and_nobody_else(web: Web) -> None:
    assert web.post("doctor", f"/alerts/{web.ref}/take", reason="Mine").status_code == 303
    found = web.as_("auditor").get("/api/v1/history").json()
    [row] = [row for row in found if row["by_person"]]
    for actor in ("dr. near", "near@renal.example", "NEPHROLOGIST"):
        assert web.as_("auditor").get("/api/v1/history", params={"actor": actor}).json() == [row]
    assert web.as_("auditor").get("/api/v1/history", params={"actor": "Dr. Far"}).json() == []
    assert web.as_("foreign").get("/api/v1/history", params={"actor": "dr. near"}).json() == []
    assert web.as_("auditor").get("/api/v1/history", params={"rule": "R01"}).json() != []
    assert web.as_("auditor").get("/api/v1/history", params={"rule": "R99"}).json() == []


def test_the_history_is_recomputed_apart(web: Web) -> None:
    from monitors.web import verified

    assert verified.recomputed_apart(web.app.state.pages)["first_bad"] is None


def test_signing_out_ends_the_session(web: Web) -> None:
    sid = web.as_("care").cookies["nephrowatch_session"]
    assert web.post("care", "/sign-out").status_code == 303
    client = web.browser()
    client.cookies.set("nephrowatch_session", sid)
    assert client.get("/round").status_code == 303


def test_a_broken_history_is_red(web: Web) -> None:
    assert "Verified" in web.as_("care").get("/history").text
    engine = sqlalchemy.create_engine(web.site.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sqlalchemy.text("UPDATE history.bodies SET body = 'x' WHERE seq = 2"))
    engine.dispose()
    pages = web.app.state.pages
    pages.verifier.refresh(pages)
    text = web.as_("care").get("/history").text
    assert "BROKEN" in text
    assert "from entry 2 on" in text


def test_a_patient_shows_the_values_then_and_now(web: Web) -> None:
    address = web.patient("care")
    assert "6.9 mg/dL" in web.as_("care").get(address).text
    [(known,)] = web.site.rows("SELECT max(known) FROM nephrowatch.judgements")
    web.site.labs("c.csv", *draw("T1", "2026-04-14", P=5.0, status="C", issued="2026-04-15T10:00:00"))
    web.site.night(web.site.clock.date() + timedelta(days=1))
    web.clients.clear()  # the shift is over: sign in again
    now, then = web.as_("care").get(address).text, web.as_("care").get(f"{address}?known={known}").text
    assert "6.9 mg/dL" not in now
    assert "6.9 mg/dL" in then
    assert "As known then" in then


def test_a_patient_with_two_numbers_shows_the_drugs_of_both(web: Web) -> None:
    engine = sqlalchemy.create_engine(web.site.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sqlalchemy.text(
            "WITH t1 AS (SELECT subject_id FROM nephrowatch.subjects WHERE identifier = 'T1'), made AS (INSERT INTO "
            "nephrowatch.subjects (subject_id, authority, identifier, batch) VALUES (900, 'OTHER', 'X1', 1)), linked AS (INSERT "
            "INTO nephrowatch.links (subject_id, patient_id, reason, batch) SELECT 900, subject_id, 'second identifier', 1 FROM "
            "t1) INSERT INTO nephrowatch.medications (medication_id, subject_id, medication_key, content_key, drug_text, "
            "classes, started_on, listed_on, batch, file_id, row_no) VALUES (9000, 900, gen_random_uuid(), gen_random_uuid(), "
            "'calcitriol', '{}', '2026-03-01', '2026-04-10', 1, 1, 1)"))  # fmt: skip
    engine.dispose()
    text = web.as_("care").get(web.patient("care")).text
    assert "also X1 (OTHER)" in text
    assert "calcitriol" in text
    assert "under no. X1 (OTHER)" in text
    assert "warfarin" in text
    [(patient,)] = web.site.rows("SELECT patient_id FROM nephrowatch.links WHERE subject_id = 900")
    for units, seen in (("N1", 2), ("N2", 0), ("*", 2), ("", 0)):
        with web.site.db.begin(Role.PAGES) as connection:
            connection.execute(sqlalchemy.text("SELECT set_config('nephrowatch.units', :u, true)"), {"u": units})
            of = sqlalchemy.text("SELECT count(*) FROM nephrowatch.subjects_of(:patient)")
            assert connection.scalar(of, {"patient": patient}) == seen, units


def test_the_rules_page_says_what_the_rules_cost(web: Web) -> None:
    pages = web.app.state.pages
    [(night,)] = web.site.rows("SELECT max(night) FROM nephrowatch.runs")
    assert web.post("doctor", f"/alerts/{web.ref}/take", reason="Mine").status_code == 303
    pages.counted.refresh(pages, night)
    found = pipeline.rules_burden(here=pages.here)
    told = sum(row["messages"] for row in found["burden"])
    assert told > 0
    assert sum(row["messages"] for row in pages.counted.costs.rules.values()) == told
    for who in WHO:
        text = web.as_(who).get("/rules").text
        assert f"up to {night:%d %b %Y}" in text
        assert "EXAMPLE" not in text
    flagged = costs.summed({**found, "flagged": ["R01"]}, night)
    pages.counted.costs = flagged
    assert "two months on end:</strong> R01. Review it." in web.as_("owner").get("/rules").text


def test_a_count_that_failed_is_tried_again_after_a_while(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    class AtOnce:
        """A thread that has run when it was started."""

        def __init__(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
            self.start = lambda: target(*args)

    asked: list[object] = []

    def broken(*words: object, here: pipeline.Here) -> None:
        asked.append(words)
        raise sqlalchemy.exc.OperationalError("", {}, Exception("the database is away"))

    monkeypatch.setattr(costs.threading, "Thread", AtOnce)
    with monkeypatch.context() as away:
        away.setattr(pipeline, "rules_burden", broken)
        for _ in range(3):
            assert "Not counted yet" in web.as_("owner").get("/rules").text
    assert len(asked) == 1, "asked at every view, though it had just failed"
    assert "Not counted yet" in web.as_("owner").get("/rules").text
    web.site.clock += costs.AGAIN
    assert "Not counted yet" not in web.as_("owner").get("/rules").text
