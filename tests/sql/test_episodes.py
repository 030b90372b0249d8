"""Reconciling against the real database: recorded together, once, forward only, whoever else is at work."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import feed_builders as build
import pytest
import sqlalchemy as sa

from monitors import episodes
from monitors.config import Config, Feed, Routes, RulesetBody, Site
from monitors.database import Database, Role
from monitors.delivery import outbox
from monitors.errors import NotReadyError
from monitors.history import ledger
from monitors.people import People
from monitors.records import Evidence
from monitors.rules.model import Analyte, Analytes, Drugs, Rule

NIGHT = date(2026, 4, 15)
NOW = datetime(2026, 4, 15, 5, 0, tzinfo=UTC)


def a_rule(rule: str, group: str) -> Rule:
    limit = "5.5 mg/dL | 1.78 mmol/L"
    signal = {"name": "p", "measure": "phosphate", "raise": {"above": limit}, "clear": [{"below": limit}]}
    sources = [{"text": "test", "tag": "design"}]
    return Rule.model_validate({
        "id": rule, "version": 3, "title": f"rule {rule}", "group": group, "owner": "dietitian",
        "severity": "HIGH", "requires": ["phosphate"], "signals": [signal], "questions": ["intake?"],
        "provenance": {"authored_by": "test", "sources": sources, "why_it_matters": "test"},
    })  # fmt: skip


def a_config(*rules: Rule) -> Config:
    site = Site.model_validate({
        "name": "Test", "link": "https://nephrowatch.example/a/", "mail_domain": "nephrowatch.example",
        "units": [{"code": code, "name": f"Unit {code}", "zone": "Europe/London"} for code in ("N1", "N2")],
    })  # fmt: skip
    slack = {"kind": "slack", "channel": "C0TEST01"}
    both = {"slack": slack, "pager": slack}
    routes = Routes.model_validate({"destinations": both, "routes": [{"to": ["slack", "pager"]}]})
    feeds: dict[str, Feed] = {}
    analytes: dict[str, Analyte] = {}
    body = RulesetBody.model_construct(
        engine=1, calcium_basis="measured", rules=rules, drugs=Drugs(classes={}, ingredients={}),
        analytes=Analytes.model_construct(analytes=PHOSPHATE),
    )  # fmt: skip
    text = body.model_dump_json(by_alias=True)
    return Config(
        folder=Path("."), site=site, feeds=feeds, routes=routes, people=People(), analytes=analytes, facts=build.facts(),
        drugs=Drugs(classes={}, ingredients={}), rules=rules, ruleset=f"{hash(text):x}", ruleset_body=text,
    )  # fmt: skip


PHOSPHATE = {"phosphate": Analyte.model_validate({
    "number": 1, "title": "Phosphate", "conventional": "mg/dL", "si": "mmol/L", "source": "test",
    "units": {"mg/dL": {"per_conventional": 1, "plausible": [0.5, 20]},
              "mmol/L": {"per_conventional": 0.3229, "plausible": [0.2, 6]}},
})}  # fmt: skip
RULES = (a_rule("R01", "phosphate"), a_rule("R02", "phosphate"), a_rule("R10", "anticoagulant"))


@dataclass
class House:
    """A database with two units, ready to be told what was found. Old: both units went live a year ago."""

    db: Database
    config: Config = field(default_factory=lambda: a_config(*RULES))
    known: int = 0

    def run(self, statement: str, **values: Any) -> Any:
        with self.db.begin(Role.PIPELINE) as connection:
            found = connection.execute(sa.text(statement), values)
            return found.all() if found.returns_rows else None

    def rows(self, table: str, columns: str, order: str = "") -> list[tuple[Any, ...]]:
        order = order or ("1, 2" if "," in columns else "1")
        return [tuple(row) for row in self.run(f"SELECT {columns} FROM nephrowatch.{table} ORDER BY {order}")]

    def settle(self, patients: int = 3, *, long_ago: bool = True) -> House:
        self.run("INSERT INTO nephrowatch.batches VALUES (1, now(), 'test')")
        for code in ("N1", "N2"):
            self.run("INSERT INTO nephrowatch.units VALUES (:c, :n, 'Europe/London', '04:00')",
                     c=code, n=f"Unit {code}")  # fmt: skip
        self.run("INSERT INTO nephrowatch.subjects (subject_id, authority, identifier, batch) "
                 "SELECT n, 'HOSP', 'T' || n, 1 FROM generate_series(1, :n) n", n=patients)  # fmt: skip
        if long_ago:  # the rules went live on a night that was decided
            self.run("INSERT INTO nephrowatch.runs (night, begun_at) VALUES ('2025-04-15', now())")
            self.run("INSERT INTO nephrowatch.rulesets VALUES ('then', '', now())")
            self.run("INSERT INTO nephrowatch.judgements (run_id, known, ruleset, live, frozen_at, reconciled_at) "
                     "SELECT run_id, 0, 'then', true, now(), '2025-04-15 05:00Z' FROM nephrowatch.runs")  # fmt: skip
            for unit in ("N1", "N2"):
                for rule in self.config.rules:
                    self.run("INSERT INTO nephrowatch.unit_rules VALUES (:u, :r, :l, '2025-04-15')",
                             u=unit, r=rule.id, l=rule.limits)  # fmt: skip
        return self

    def judged(
        self, night: date, found: dict[int, dict[str, str]], *, live: bool = True, sealed: bool = False,
        where: dict[int, str] | None = None, drawn: datetime | None = None, value: tuple[float, str] = (6.8, "mg/dL"),
    ) -> int:  # fmt: skip
        """A judgement of `night` with {patient: {rule: 'firing HIGH' | 'clear' | a reason}}, resting on one value; its id."""
        self.known += 1
        where = {1: "N1", 2: "N1", 3: "N2"} | (where or {})
        self.run("INSERT INTO nephrowatch.runs (night, begun_at) VALUES (:n, now()) ON CONFLICT DO NOTHING",
                 n=night)  # fmt: skip
        self.run("INSERT INTO nephrowatch.rulesets VALUES (:r, :b, now()) ON CONFLICT DO NOTHING",
                 r=self.config.ruleset, b=self.config.ruleset_body)  # fmt: skip
        ((judgement,),) = self.run(
            "INSERT INTO nephrowatch.judgements (run_id, known, ruleset, live, frozen_at, sealed_at) "
            "SELECT run_id, :k, :r, :l, now(), CASE WHEN :s THEN now() END FROM nephrowatch.runs "
            "WHERE night = :n RETURNING judgement_id",
            k=self.known, r=self.config.ruleset, l=live, s=sealed, n=night,
        )  # fmt: skip
        for patient, place in where.items():
            unit, _, status = place.partition(" ")
            self.run("INSERT INTO nephrowatch.standings VALUES (:j, :p, :u, :s, :at)", j=judgement, p=patient,
                     u=unit, s=status or "active", at=NOW - timedelta(hours=17))  # fmt: skip
        drawn = drawn or datetime(night.year, night.month, night.day, tzinfo=UTC) - timedelta(hours=17)
        for patient, rules in found.items():
            for rule, said in rules.items():
                word, _, severity = said.partition(" ")
                outcome = word if word in ("firing", "holding", "clear") else "not_assessable"
                evidence = Evidence("phosphate", *value, drawn, 7, role="latest").to_json()
                self.run(
                    "INSERT INTO nephrowatch.findings (judgement_id, patient_id, rule, unit, outcome, "
                    "reason, sentence, severity, since, cleared_at, evidence) "
                    "VALUES (:j, :p, :r, :u, :o, :why, '', :s, :since, :cleared, CAST(:e AS jsonb))",
                    j=judgement, p=patient, r=rule, u=where[patient].split()[0], o=outcome, why=word,
                    s=severity or None, since=drawn if severity else None, e=json.dumps([evidence]),
                    cleared=drawn if outcome == "clear" else None,
                )  # fmt: skip
        return int(judgement)

    def reconcile(self, judgement: int, now: datetime = NOW, **points: Any) -> dict[str, int]:
        made: Counter[str] = episodes.reconcile_judgement(
            self.db, self.config, judgement, now, ledger.append, outbox.enqueue, **points
        )
        return dict(made)

    def ledger(self) -> list[str]:
        with self.db.begin(Role.PIPELINE) as connection:
            assert ledger.verify(connection).first_bad is None
            return [entry.kind for entry in ledger.entries(connection)]

    def everything(self) -> list[Any]:
        """What must be equal, however the night was reached: refs and times apart."""
        return [
            self.rows("episodes", "patient_id, cause_group, unit, state, severity, changed_night, version"),
            self.rows("limbs", "episode_id, rule, outcome, severity, reason, listed"),
            self.rows("changes", "episode_id, seq, night, kind, reason, from_state, to_state, limbs"),
            self.rows("outbox", "dedup_key, kind, destination, content - 'ref'"),
            self.rows("units", "unit, judged_through"),
        ]


@pytest.fixture
def house(database: Database) -> House:
    return House(database).settle()


BREACH = {1: {"R01": "firing HIGH", "R10": "firing WARNING"}, 3: {"R01": "firing CRITICAL"}}


def test_a_firing_finding_becomes_episode_limb_change_message_and_ledger_entry(house: House) -> None:
    assert house.reconcile(house.judged(NIGHT, BREACH)) == {"opened": 3}
    columns = "patient_id, cause_group, unit, state, severity, opened_night, version"
    assert house.rows("episodes", columns) == [
        (1, "anticoagulant", "N1", "open", "WARNING", NIGHT, 1),
        (1, "phosphate", "N1", "open", "HIGH", NIGHT, 1),
        (3, "phosphate", "N2", "open", "CRITICAL", NIGHT, 1),
    ]  # fmt: skip
    assert house.rows("outbox", "dedup_key") == [
        ("1/phosphate/2026-04-15/1/pager",), ("1/phosphate/2026-04-15/1/slack",),
        ("3/phosphate/2026-04-15/1/pager",), ("3/phosphate/2026-04-15/1/slack",),
    ]  # fmt: skip
    ((withheld,),) = house.run("SELECT withheld FROM nephrowatch.changes WHERE severity = 'WARNING'")
    assert withheld == [{"destination": "*", "reason": "list_only"}]
    assert house.ledger() == ["episode_opened"] * 3
    assert house.rows("units", "unit, judged_through") == [("N1", NIGHT), ("N2", NIGHT)]


def test_a_message_carries_no_patient_and_what_the_card_needs(house: House) -> None:
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}, 2: {"R01": "no_recent"}}))
    (((content),),) = house.run("SELECT content FROM nephrowatch.outbox WHERE destination = 'slack'")
    ((ref,),) = house.rows("episodes", "ref", "1")
    assert ref.startswith("NW-")
    assert len(ref) == 7
    assert content.pop("ref") == f"{ref}-1"
    assert content.pop("ruleset") == house.config.ruleset
    assert content == {
        "unit": "N1", "unit_name": "Unit N1", "to_unit": None, "severity": "HIGH", "group": "phosphate",
        "change_kind": "opened", "reason": "raised", "reason_sentence": "R01 raised: a new episode at HIGH.",
        "owner": "dietitian", "acknowledge_by": "2026-04-15T15:00:00Z", "late": False,
        "rules": [{"id": "R01", "version": 3, "title": "rule R01", "review": "not clinically reviewed at this site"}],
        "newest_result_at": "2026-04-14T12:00:00Z", "as_of": "2026-04-15T03:00:00Z", "zone": "Europe/London",
        "not_assessed": 1, "active": 2, "limbs": {"R01": "HIGH"}, "patterns": [],
    }  # fmt: skip


def test_the_same_night_twice_is_the_same_night(house: House) -> None:
    judgement = house.judged(NIGHT, BREACH)
    house.reconcile(judgement)
    once, entries = house.everything(), house.ledger()
    assert house.reconcile(judgement) == {}
    assert house.reconcile(house.judged(NIGHT, BREACH)) == {}
    assert (house.everything(), house.ledger()) == (once, entries)


def test_twice_at_once_is_the_same_night(house: House) -> None:
    judgement = house.judged(NIGHT, BREACH)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: house.reconcile(judgement), range(3)))
    assert sum((Counter(kinds) for kinds in made), Counter()) == {"opened": 3}
    assert house.ledger() == ["episode_opened"] * 3


def test_a_life_is_written_version_by_version(house: House) -> None:
    nights = [NIGHT + timedelta(days=n) for n in range(4)]
    course = ["firing WARNING", "firing HIGH", "no_recent:phosphate", "clear"]
    for night, said in zip(nights, course, strict=True):
        house.reconcile(house.judged(night, {1: {"R01": said}}))
    assert house.rows("changes", "seq, kind, reason, from_state, to_state") == [
        (1, "opened", "raised", None, "open"), (2, "worsened", "severity_up", "open", "open"),
        (3, "stale", "no_recent:phosphate", "open", "stale"),
        (4, "resolved", "cleared_by_values", "stale", "resolved"),
    ]  # fmt: skip
    assert house.rows("episodes", "version, state") == [(4, "resolved")]
    assert house.rows("limbs", "rule, outcome, severity") == [("R01", "clear", "HIGH")]


def test_a_back_fill_touches_nothing_and_says_so_once(house: House) -> None:
    house.reconcile(house.judged(NIGHT, BREACH))
    before = house.everything()
    for _ in range(2):
        for night, live in ((NIGHT - timedelta(days=1), False), (NIGHT - timedelta(days=2), True)):
            judgement = house.judged(night, {2: {"R01": "firing CRITICAL"}}, live=live)
            assert house.reconcile(judgement) == {}
            assert house.reconcile(judgement) == {}
    assert house.everything() == before
    assert house.ledger() == ["episode_opened"] * 3 + ["night_retrospective"] * 4


def test_a_unit_that_is_ahead_is_left_alone_while_the_other_goes_on(house: House) -> None:
    house.run("UPDATE nephrowatch.units SET judged_through = '2026-04-16' WHERE unit = 'N1'")
    assert house.reconcile(house.judged(NIGHT, BREACH)) == {"opened": 1}
    assert house.rows("units", "unit, judged_through") == [("N1", date(2026, 4, 16)), ("N2", NIGHT)]
    assert house.ledger() == ["night_retrospective", "episode_opened"]


def test_the_first_night_of_a_unit_is_listed_even_when_it_is_run_again(database: Database) -> None:
    house = House(database).settle(long_ago=False)
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}}))
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}, 2: {"R01": "firing HIGH"}}))
    assert house.rows("episodes", "patient_id, baseline") == [(1, True), (2, True)]
    assert house.rows("outbox", "1", "1") == []
    worse = {patient: {"R01": "firing CRITICAL"} for patient in (1, 2)}
    house.reconcile(house.judged(NIGHT + timedelta(days=1), worse))
    assert len(house.rows("outbox", "1", "1")) == 4


def test_told_is_a_row_on_its_way_or_a_delivery_and_a_dead_message_is_told_again(house: House) -> None:
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}}))
    with house.db.begin(Role.DELIVERY) as connection:
        died = "UPDATE nephrowatch.outbox SET state = 'dead' WHERE destination = 'slack'"
        connection.execute(sa.text(died))
    assert house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}})) == {"told_late": 1}
    assert house.rows("outbox", "dedup_key, state, content -> 'late'") == [
        ("1/phosphate/2026-04-15/1/pager", "pending", False),
        ("1/phosphate/2026-04-15/1/slack", "dead", False),
        ("1/phosphate/2026-04-15/2/slack", "pending", True),
    ]  # fmt: skip


def test_a_retraction_reaches_those_with_a_message_still_on_its_way(house: House) -> None:
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}}))
    assert house.reconcile(house.judged(NIGHT, {})) == {"retracted": 1}
    assert house.rows("outbox", "dedup_key, kind, severity", "outbox_id")[2:] == [
        ("1/phosphate/2026-04-15/2/pager", "withdrawn", "HIGH"),
        ("1/phosphate/2026-04-15/2/slack", "withdrawn", "HIGH"),
    ]  # fmt: skip


def test_a_second_episode_of_the_same_night_has_keys_of_its_own(house: House) -> None:
    for found in (BREACH, {}, BREACH, {}, BREACH):
        house.reconcile(house.judged(NIGHT, found))
    every = [key for (key,) in house.rows("outbox", "dedup_key")]
    keys = [key for key in every if key.startswith("1/") and key.endswith("/1/slack")]
    assert keys == [f"1/phosphate/2026-04-15{nth}/1/slack" for nth in (".2", ".3", "")]


def test_a_withdrawal_starts_the_count_of_what_was_told_again(house: House) -> None:
    both = {1: {"R01": "firing HIGH", "R02": "firing HIGH"}}
    told = {"R01": "HIGH", "R02": "HIGH"}
    for found in (both, {1: {"R01": "firing HIGH"}}, {1: {"R01": "firing HIGH"}}, both):
        house.reconcile(house.judged(NIGHT, found))
    assert house.rows("outbox", "change_seq, kind, destination, content -> 'limbs'", "1, 3") == [
        (1, "alert", "pager", told), (1, "alert", "slack", told),
        (2, "withdrawn", "pager", {"R01": "HIGH"}), (2, "withdrawn", "slack", {"R01": "HIGH"}),
        (3, "alert", "pager", told), (3, "alert", "slack", told),
    ]  # fmt: skip


def test_a_transfer_hands_over_and_a_death_closes(house: House) -> None:
    tomorrow = NIGHT + timedelta(days=1)
    house.reconcile(house.judged(NIGHT, BREACH))
    moved = house.judged(tomorrow, BREACH, where={1: "N2", 3: "N2 died"})
    assert house.reconcile(moved) == {"handed_over": 2, "closed": 1}
    assert house.rows("episodes", "patient_id, cause_group, unit, state") == [
        (1, "anticoagulant", "N2", "open"), (1, "phosphate", "N2", "open"),
        (3, "phosphate", "N2", "closed"),
    ]  # fmt: skip
    assert Counter(house.rows("outbox", "kind", "1")) == {("alert",): 4, ("handed_over",): 2}


def test_somebody_who_was_not_judged_is_stale_not_clear(house: House) -> None:
    house.reconcile(house.judged(NIGHT, BREACH))
    house.run("INSERT INTO nephrowatch.judgements (run_id, known, ruleset, live, frozen_at) "
              "SELECT run_id, 99, :r, true, now() FROM nephrowatch.runs", r=house.config.ruleset)  # fmt: skip
    ((empty,),) = house.run("SELECT max(judgement_id) FROM nephrowatch.judgements")
    assert house.reconcile(empty) == {"stale": 3}
    assert {reason for (reason,) in house.rows("limbs", "reason", "1")} == {"not_judged"}


def test_an_outage_is_told_late(house: House) -> None:
    house.reconcile(house.judged(NIGHT - timedelta(days=5), {}, sealed=True))
    swallowed = datetime(2026, 4, 12, 8, tzinfo=UTC)
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}}, drawn=swallowed))
    assert house.rows("outbox", "content -> 'late'", "1") == [(True,), (True,)]


@pytest.mark.parametrize("point", ["reconcile_started", "reconcile_applied", "reconcile_committed"])
def test_killed_anywhere_and_run_again_is_undisturbed(house: House, point: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(episodes, "MOST_CHANGES", 1)
    judgement = house.judged(NIGHT, BREACH)

    def die(here: str) -> None:
        if here == point:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.reconcile(judgement, crash=die)
    house.reconcile(judgement)
    assert house.rows("episodes", "patient_id, cause_group, version") == [
        (1, "anticoagulant", 1), (1, "phosphate", 1), (3, "phosphate", 1),
    ]  # fmt: skip
    assert len(house.rows("outbox", "1", "1")) == 4
    assert house.ledger() == ["episode_opened"] * 3


def test_chunks_hold_whole_patients_and_no_more_changes_than_allowed(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr(episodes, "MOST_CHANGES", 1)
    sizes: list[int] = []

    def append(connection: Any, entries: Any) -> None:
        sizes.append(len(entries))
        ledger.append(connection, entries)

    judgement = house.judged(NIGHT, BREACH)
    episodes.reconcile_judgement(house.db, house.config, judgement, NOW, append, outbox.enqueue)
    assert [size for size in sizes if size] == [2, 1]  # patient 1 has two, and is never split


def test_a_writer_who_was_first_is_not_overwritten(house: House) -> None:
    """A person acknowledges between our reading and our writing: we read again, and keep what they said."""
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}}))
    judgement = house.judged(NIGHT + timedelta(days=1), {1: {"R01": "firing WARNING"}})
    acknowledged: list[bool] = []

    real = episodes.read

    def read_then_be_overtaken(*given: Any) -> Any:
        page = real(*given)
        if not acknowledged:
            house.run("UPDATE nephrowatch.episodes SET state = 'acknowledged', version = version + 1")
            acknowledged.append(True)
        return page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episodes, "read", read_then_be_overtaken)
        made = house.reconcile(judgement)
    assert made == {"eased": 1}
    assert house.rows("episodes", "state, severity, version") == [("acknowledged", "WARNING", 3)]


def test_there_is_one_open_episode_per_cause_group_by_the_database_itself(house: House) -> None:
    house.reconcile(house.judged(NIGHT, {1: {"R01": "firing HIGH"}}))
    with pytest.raises(sa.exc.IntegrityError, match="one_open_episode"):
        house.run("INSERT INTO nephrowatch.episodes "
                  "SELECT 99, 'NW-XXXX', patient_id, cause_group, unit, 'stale', severity, opened_night, "
                  "changed_night, baseline, 1 FROM nephrowatch.episodes")  # fmt: skip


def test_an_unknown_judgement_is_said_in_a_sentence(house: House) -> None:
    with pytest.raises(NotReadyError, match="no judgement 99"):
        house.reconcile(99)
