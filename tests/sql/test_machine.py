"""Lives driven at random through the real database: whatever happens, in whatever order, the promises hold.

Results arrive, clear, run out and are corrected; nights are run, again, late, too late, killed; patients move and die; people
press buttons; messages arrive or are lost. After every live night the promises of design 5 are held against the tables.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from test_episodes import House

from monitors import actions, replay, silences
from monitors.database import Role, open_database, sql
from monitors.delivery import outbox, silenced
from monitors.history import ledger
from monitors.human import Refused
from monitors.people import People, Person
from monitors.records import Evidence, Severity, State, rank
from monitors.reopening import Endings
from monitors.routes import InhibitionModel
from tests.conftest import TEMPLATE, TestServer
from tests.timelines.transitions import steps

DOCTOR = Person.model_validate({"name": "Dr. Example", "login": "doctor", "role": "nephrologist", "units": ["*"]})
FIRST = date(2026, 4, 15)
GROUPS = {"R01": "phosphate", "R02": "phosphate", "R10": "anticoagulant"}
PATIENTS, RULES = st.sampled_from([1, 2]), st.sampled_from(sorted(GROUPS))
HUMAN = {str(State.ACKNOWLEDGED), str(State.SNOOZED), str(State.DISMISSED)}
TELLS = {"HIGH", "CRITICAL"}  # of the routes of House; both destinations get them
EDGES = {(step.before, step.kind, step.after) for step in steps()}
ACTIONS = ["acknowledge", "snooze", "dismiss", "acknowledge", "dismiss", "unacknowledge", "take", "outcome"]
DAYS = st.sampled_from([1, 1, 1, 2, 4, 31, 95])  # to the next night that is run
NEWS = st.sampled_from([
    "firing WARNING", "firing HIGH", "firing HIGH 7.0", "firing HIGH 9.9", "firing CRITICAL", "holding", "lower", "gone", "clear",
    "no_recent",
])  # fmt: skip
POINTS = ["reconcile_started", "reconcile_applied", "reconcile_committed"]


class Killed(BaseException):
    """The process is gone at this point."""


@dataclass(frozen=True)
class Cell:
    """What a rule says of a patient now, and on which draw it rests."""

    outcome: str
    severity: str | None
    drawn: datetime
    result: int
    value: float = 6.8


class Lives(RuleBasedStateMachine):
    server: TestServer
    home: Path
    number = 0

    def begin(self) -> None:
        type(self).number += 1
        self.name = f"machine_{self.number}"
        self.server.run(f"CREATE DATABASE {self.name} TEMPLATE {TEMPLATE}")
        self.server.run(str(sql("bootstrap/rights")), self.name)
        self.house = House(open_database(self.server.settings(self.name, self.home))).settle(4)
        routes = self.house.config.routes.model_copy(update={"inhibitions": [InhibitionModel.model_validate({
            "name": "covered", "source": {"groups": ["anticoagulant"]}, "target": {"groups": ["phosphate"]}})]})  # fmt: skip
        self.house.config = self.house.config.model_copy(
            update={"people": People(people=[DOCTOR]), "routes": routes})
        self.night_ = FIRST
        self.cells: dict[tuple[int, str], Cell] = {}
        self.where = {1: "N1", 2: "N2"}
        self.status = {1: "active", 2: "active"}
        self.results_ = self.ticks = 0
        self.acted: dict[str, tuple[date, date | None, dict[str, str]]] = {}  # ref -> day, last day of a snooze, what stood

    def teardown(self) -> None:
        if hasattr(self, "house"):
            try:
                self.ledger_tells_the_same()
                self.it_can_be_decided_again()
            finally:
                self.house.db.dispose()
                self.server.run(f"DROP DATABASE {self.name} WITH (FORCE)")

    # ------------------------------------------------------------------------------------------------ what happens
    @initialize(severities=st.lists(st.sampled_from(["WARNING", "HIGH", "HIGH", "CRITICAL"]), min_size=2, max_size=2))
    def fall_ill(self, severities: list[str]) -> None:
        """Both patients have an open episode to begin with."""
        self.begin()
        for patient, severity in enumerate(severities, start=1):
            self.cells[patient, "R01"] = self.cell("firing", Severity(severity))
        self.live_night(1)

    @rule(changes=st.lists(st.tuples(PATIENTS, RULES, NEWS), min_size=1, max_size=3), days=DAYS)
    def results(self, changes: list[tuple[int, str, str]], days: int) -> None:
        """Results arrive, are corrected, or do not come; then a night."""
        for patient, name, news in changes:
            self.change(patient, name, news)
        self.live_night(days)

    def change(self, patient: int, name: str, news: str) -> None:
        was = self.cells.get((patient, name))
        raised = was if was is not None and was.severity else None
        word, _, rest = news.partition(" ")
        if word == "firing":
            severity, _, value = rest.partition(" ")
            self.cells[patient, name] = self.cell("firing", Severity(severity), float(value or 6.8))
        elif word == "holding" and raised:
            self.cells[patient, name] = replace(self.cell("holding", Severity(str(raised.severity))), value=5.4)
        elif word == "lower" and raised:  # corrected down, on the same draw
            self.results_ += 1
            self.cells[patient, name] = replace(raised, severity="WARNING", result=self.results_)
        elif word in ("clear", "no_recent"):
            self.cells[patient, name] = self.cell(word, None)
        elif word == "gone":
            self.cells.pop((patient, name), None)

    @rule(patient=PATIENTS, where=st.sampled_from(["other", "other", "active", "died", "left"]), days=DAYS)
    def census(self, patient: int, where: str, days: int) -> None:
        """A patient moves to the other unit, dies, leaves, or is back; then a night."""
        if where == "other":
            self.where[patient] = "N2" if self.where[patient] == "N1" else "N1"
        else:
            self.status[patient] = where
        self.live_night(days)

    @rule(days=DAYS)
    def live_night(self, days: int) -> None:
        self.night_ += timedelta(days=days)
        self.run(self.judged(self.night_))

    @rule(point=st.sampled_from(POINTS), patient=PATIENTS, name=RULES, news=NEWS)
    def killed_night(self, point: str, patient: int, name: str, news: str) -> None:
        self.change(patient, name, news)
        self.night_ += timedelta(days=1)
        judgement = self.judged(self.night_)

        def kill(here: str) -> None:
            if here == point:
                raise Killed

        with pytest.raises(Killed):
            self.house.reconcile(judgement, self.now(), crash=kill)
        self.run(judgement)

    @rule(patient=PATIENTS, name=RULES, news=NEWS)
    def late_data(self, patient: int, name: str, news: str) -> None:
        """The frontier night is judged again with what arrived since."""
        self.change(patient, name, news)
        self.run(self.judged(self.night_))

    @rule(days=st.integers(1, 40), live=st.booleans(), patient=PATIENTS, name=RULES, news=NEWS)
    def fill_in(self, days: int, live: bool, patient: int, name: str, news: str) -> None:
        """An earlier night, with other findings than tonight's, touches nothing."""
        cells, before = dict(self.cells), self.house.everything()
        self.change(patient, name, news)
        judgement = self.judged(self.night_ - timedelta(days=days), live=live)
        assert [self.house.reconcile(judgement, self.now()) for _ in range(2)] == [{}, {}]
        assert self.house.everything() == before
        self.cells = cells

    @rule(patient=PATIENTS, nth=st.integers(0, 3), days=st.sampled_from([1, 2, 20]), dies=st.sampled_from([False, False, True]),
          action=st.sampled_from(ACTIONS))  # fmt: skip
    def press(self, patient: int, nth: int, action: str, days: int, dies: bool) -> None:
        """Somebody does something about an episode, open (if there is one) or ended; or the process dies while they do."""
        mine = [episode for episode in reversed(self.episodes()) if episode.patient_id == patient]
        mine.sort(key=lambda episode: State(episode.state).ended)
        if not mine:
            return
        ref = mine[min(nth // 2, len(mine) - 1)].ref
        before, day = self.house.everything(), self.night_
        until = day + timedelta(days=days) if action == "snooze" else None
        try:
            with self.house.db.begin(Role.WEB) as connection:
                change = actions.act(
                    connection, self.house.config, ref, action, DOCTOR, self.now(), reason="plan", until=until,
                    outcome="already_known" if action == "outcome" else "", source="web", evidence_opened=True,
                )  # fmt: skip
                if dies:
                    raise Killed
        except (Refused, Killed):
            assert self.house.everything() == before
            return
        if change.to_state in HUMAN and action in ("acknowledge", "snooze", "dismiss"):
            basis = self.house.run("SELECT nephrowatch.basis_of(episode_id) FROM nephrowatch.episodes WHERE ref = :r", r=ref)
            self.acted[ref] = (day, until, basis[0][0])

    @rule(days=st.integers(1, 5), destination=st.sampled_from([[], ["slack"], ["pager"]]),
          unit=st.sampled_from([["N1"], ["N2"], ["N1", "N2"]]), over=st.booleans())  # fmt: skip
    def silence(self, days: int, destination: list[str], unit: list[str], over: bool) -> None:
        """Somebody asks for silence, or ends the newest one."""
        if over and (active := self.silenced()):
            silences.end(self.house.db, self.house.config, self.now(), active[-1].silence_id, actor="a", reason="b")
        elif not over:
            silences.add(
                self.house.db, self.house.config, self.now(), units=unit, rules=(), groups=(), destinations=destination,
                begins=None, ends=datetime.combine(self.night_ + timedelta(days=days), time(4), UTC), actor="a", reason="b",
            )  # fmt: skip

    def silenced(self) -> list[Any]:
        """Silences that lasted when the last night was decided."""
        now = datetime.combine(self.night_, time(5), UTC)
        lasting = "SELECT * FROM nephrowatch.silences WHERE ended_at IS NULL AND ends_at > :now ORDER BY 1"
        return list(self.house.run(lasting, now=now))

    @rule(outcome=st.sampled_from(["delivered", "delivered", "permanent"]))
    def deliver(self, outcome: str) -> None:
        with self.house.db.begin(Role.DELIVERY) as connection:
            for one in outbox.claim(connection, self.now() + timedelta(days=1), 20):
                outbox.finish(connection, one, outbox.Answer(outcome, "said"), self.now(), ledger.append)

    # ------------------------------------------------------------------------------------------------ what must hold
    def run(self, judgement: int) -> None:
        """Reconcile, hold the result against the promises, and find nothing more to do."""
        with self.house.db.begin(Role.PIPELINE) as connection:
            silenced.release(connection, self.house.config, self.now(), ledger.append)
        self.house.reconcile(judgement, self.now())
        self.seal(judgement)
        once, entries = self.house.everything(), self.entries()
        assert self.house.reconcile(judgement, self.now()) == {}, "a night run again changes nothing"
        assert (self.house.everything(), self.entries()) == (once, entries)
        self.everybody_is_told()
        self.nothing_said_outlives_its_end()

    def everybody_is_told(self) -> None:
        """A firing limb has its open episode; each destination is told, or will be, or the reason stands with a change."""
        living = {(e.patient_id, e.cause_group): e for e in self.episodes() if not State(e.state).ended}
        for (patient, name), cell in self.cells.items():
            if cell.outcome != "firing" or self.status[patient] in ("died", "left"):
                continue
            episode = living[patient, GROUPS[name]]
            assert episode.unit == self.where[patient]
            limb = episode.limbs[name]
            assert (limb["outcome"] in ("firing", "holding"), limb["severity"]) == (True, cell.severity)
            if cell.severity not in TELLS or episode.state in HUMAN:
                continue
            for destination in ("slack", "pager"):
                told = self.told(episode.episode_id, destination).get(name)
                if rank(told and Severity(told)) >= rank(Severity(cell.severity)):
                    continue
                newest = str(episode.newest.get(destination, ""))
                if newest.startswith("silenced"):
                    assert cell.severity != "CRITICAL", "CRITICAL is never silenced"
                    assert any(covers(one, destination, episode.unit, episode.limbs) for one in self.silenced()), "it has an end"
                elif newest.startswith("inhibited"):
                    assert cell.severity != "CRITICAL", "CRITICAL is never muted"
                    source = living[patient, "anticoagulant"]
                    assert source.state != "dismissed"
                    assert self.told(source.episode_id, destination), "who is kept from one alert knows the other"
                    assert (self.night_ - episode.opened_night).days < 30
                else:
                    assert destination in episode.reasons

    def nothing_said_outlives_its_end(self) -> None:
        """What a person said is over by its day, and never stands against a CRITICAL or a cause that person did not see."""
        for episode in self.episodes():
            if episode.state not in HUMAN:
                continue
            day, until, stood = self.acted[episode.ref]
            cells = {name: cell for (patient, name), cell in self.cells.items() if patient == episode.patient_id}
            firing = {
                name: str(cell.severity) for name, cell in cells.items()
                if cell.outcome == "firing" and GROUPS[name] == episode.cause_group
            }  # fmt: skip
            worst = max((Severity(severity) for severity in stood.values()), key=rank, default=Severity.WARNING)
            ends = {
                "snoozed": (until or day) + timedelta(days=1), "dismissed": day + timedelta(days=90),
                "acknowledged": day + timedelta(days=Endings().acknowledged_days[worst]) if firing else date.max,
            }[episode.state]  # fmt: skip
            assert self.night_ < ends
            assert not (episode.state == "dismissed" and "CRITICAL" in firing.values())
            seen = {name: rank(Severity(at)) for name, at in stood.items()}
            run_out = {name for name, limb in episode.limbs.items() if name not in seen and limb["outcome"] != "clear"}
            assert all(rank(Severity(at)) <= seen.get(name, 3 if name in run_out else 0) for name, at in firing.items())

    @invariant()
    def tables_agree(self) -> None:
        if not hasattr(self, "house"):
            return
        episodes = self.episodes()
        open_now = Counter((e.patient_id, e.cause_group) for e in episodes if not State(e.state).ended)
        assert all(count == 1 for count in open_now.values()), "one open episode a patient and cause group"
        by_id = {e.episode_id: e for e in episodes}
        of_episodes = "episode_id IS NOT NULL AND kind NOT IN ('operations', 'parent')"
        queued = self.house.run(f"SELECT * FROM nephrowatch.outbox WHERE {of_episodes}")
        spoken = {(row.episode_id, row.change_seq) for row in queued}
        last: dict[int, Any] = {}
        for change in self.house.run("SELECT * FROM nephrowatch.changes ORDER BY episode_id, seq"):
            before = last.get(change.episode_id)
            assert change.seq == (before.seq + 1 if before else 1)
            assert change.from_state == (before.to_state if before else None)
            assert (change.from_state, change.kind, change.to_state) in EDGES
            assert change.reason
            assert change.sentence
            if change.judgement_id is not None:
                assert change.withheld or (change.episode_id, change.seq) in spoken, "told, or withheld for a named reason"
            last[change.episode_id] = change
        assert {number: (change.seq, change.to_state) for number, change in last.items()} == {
            number: (episode.version, episode.state) for number, episode in by_id.items()
        }
        for row in queued:
            if "silence" in row.content:
                continue  # told by the message at the end of a silence
            patient, group, opened, seq, destination = row.dedup_key.split("/")
            episode = by_id[row.episode_id]
            assert (int(patient), group, int(seq), destination) == (
                episode.patient_id, episode.cause_group, row.change_seq, row.destination)  # fmt: skip
            assert opened.startswith(str(episode.opened_night))
        told = self.house.rows("told", "outbox_id, episode_id, destination, limbs")
        assert told == [
            (row.outbox_id, row.episode_id, row.destination, row.content["limbs"])
            for row in sorted(queued, key=lambda row: row.outbox_id)
            if row.state == "delivered" and row.kind in ("alert", "handed_over")
        ]

    def ledger_tells_the_same(self) -> None:
        with self.house.db.begin(Role.PIPELINE) as connection:
            assert ledger.verify(connection).first_bad is None
            entries = [entry for entry in ledger.entries(connection) if entry.kind.startswith("episode_")]
        said = Counter((e.kind.removeprefix("episode_"), e.body["episode"], e.body["seq"]) for e in entries if e.body)
        assert said == Counter(self.house.rows("changes", "kind, episode_id, seq"))

    def it_can_be_decided_again(self) -> None:
        """Every change, with whom it told and whom not, follows from what was known, said and told at its moment."""
        found = replay.replay(self.house.db, self.house.config, FIRST, date.max, findings=False)
        assert found.differences == []
        assert found.changes == len(self.house.run("SELECT FROM nephrowatch.changes WHERE judgement_id IS NOT NULL"))

    # ------------------------------------------------------------------------------------------------ helpers
    def cell(self, outcome: str, severity: Severity | None, value: float = 6.8) -> Cell:
        self.results_ += 1
        drawn = datetime.combine(self.night_, time(7), UTC) + timedelta(seconds=self.results_)
        return Cell(outcome, severity and str(severity), drawn, self.results_, value)

    def now(self) -> datetime:
        """A little later every time it is asked."""
        self.ticks += 1
        return datetime.combine(self.night_, time(5), UTC) + timedelta(seconds=self.ticks)

    def judged(self, night: date, live: bool = True) -> int:
        """A judgement in which every cell stands as it does now."""
        judgement = self.house.judged(night, {}, live=live, where={
            patient: f"{unit} {self.status[patient]}" for patient, unit in self.where.items()} | {3: "N1", 4: "N2"})  # fmt: skip
        rows = []
        for (patient, name), cell in self.cells.items():
            evidence = Evidence("phosphate", cell.value, "mg/dL", cell.drawn, cell.result, role="latest").to_json()
            known = cell.outcome in ("firing", "holding", "clear")
            rows.append({
                "j": judgement, "p": patient, "r": name, "u": self.where[patient], "why": cell.outcome,
                "o": cell.outcome if known else "not_assessable", "s": cell.severity,
                "since": cell.drawn if cell.severity else None, "cleared": cell.drawn if cell.outcome == "clear" else None,
                "e": json.dumps([evidence]),
            })  # fmt: skip
        if rows:
            with self.house.db.begin(Role.PIPELINE) as connection:
                connection.execute(sa.text(
                    "INSERT INTO nephrowatch.findings (judgement_id, patient_id, rule, unit, outcome, reason, sentence, "
                    "severity, since, cleared_at, evidence) "
                    "VALUES (:j, :p, :r, :u, :o, :why, '', :s, :since, :cleared, CAST(:e AS jsonb))"
                ), rows)  # fmt: skip
        return judgement

    def seal(self, judgement: int) -> None:
        self.house.run("UPDATE nephrowatch.judgements SET sealed_at = :now WHERE judgement_id = :j", j=judgement, now=self.now())

    def entries(self) -> int:
        return int(self.house.run("SELECT count(*) FROM history.ledger")[0][0])

    def episodes(self) -> list[Any]:
        """All episodes, each with its limbs and the withheld tellings of its newest change by a night, by destination."""
        return list(self.house.run("""
            SELECT e.*, (SELECT jsonb_object_agg(l.rule, jsonb_build_object('outcome', l.outcome, 'severity', l.severity))
                           FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id) AS limbs,
                   (SELECT coalesce(jsonb_object_agg(w ->> 'destination', w ->> 'reason'), '{}')
                      FROM nephrowatch.changes c, jsonb_array_elements(c.withheld) w WHERE c.episode_id = e.episode_id
                       AND c.seq = (SELECT max(seq) FROM nephrowatch.changes m
                                     WHERE m.episode_id = e.episode_id AND m.judgement_id IS NOT NULL)) AS reasons,
                   (SELECT coalesce(jsonb_object_agg(n.destination, n.reason), '{}') FROM (
                        SELECT DISTINCT ON (w ->> 'destination') w ->> 'destination' AS destination, w ->> 'reason' AS reason
                        FROM nephrowatch.changes c, jsonb_array_elements(c.withheld) w WHERE c.episode_id = e.episode_id
                        ORDER BY w ->> 'destination', c.seq DESC) n) AS newest
            FROM nephrowatch.episodes e ORDER BY e.episode_id
        """))

    def told(self, episode: int, destination: str) -> dict[str, str]:
        """{rule: the worst severity a destination was told since the newest withdrawal, or will be}."""
        known: dict[str, str] = {}
        for row in self.house.run(
            "SELECT kind, state, content -> 'limbs' AS limbs FROM nephrowatch.outbox WHERE episode_id = :e AND destination = :d "
            "AND kind IN ('alert', 'handed_over', 'withdrawn') AND state NOT IN ('dead', 'permanent') ORDER BY change_seq",
            e=episode, d=destination,
        ):  # fmt: skip
            known = {} if row.kind == "withdrawn" else known
            for name, severity in row.limbs.items():
                known[name] = str(max(Severity(severity), Severity(known.get(name, severity)), key=rank))
        return known


def covers(one: Any, destination: str, unit: str, limbs: dict[str, Any]) -> bool:
    return (not one.units or unit in one.units) and (not one.destinations or destination in one.destinations) and bool(limbs)


def drive(server: TestServer, home: Path, examples: int, steps_each: int) -> None:
    Lives.server, Lives.home = server, home
    run_state_machine_as_test(Lives, settings=settings(
        max_examples=examples, stateful_step_count=steps_each, deadline=None, suppress_health_check=list(HealthCheck),
    ))  # fmt: skip


@pytest.fixture
def home(server: TestServer, tmp_path: Path) -> Path:
    (tmp_path / "roles.json").write_bytes((server.home / "roles.json").read_bytes())
    return tmp_path


@pytest.mark.hazard(1, 12, 21)
def test_whatever_happens_the_promises_hold(server: TestServer, home: Path) -> None:
    drive(server, home, 12, 25)


@pytest.mark.long
def test_whatever_happens_the_promises_hold_for_many_lives(server: TestServer, home: Path) -> None:
    drive(server, home, 1000, 50)
