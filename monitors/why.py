"""Why somebody was told, or was not: one decision taken apart, from what was known then and under the rules of then.

Judged again by the engine itself from the same frames; what the night recorded stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from monitors import knowledge
from monitors.config import Config, RulesetBody
from monitors.database import Database, Role, sql
from monitors.errors import UserError
from monitors.records import as_of, utc_text
from monitors.review import book, runs
from monitors.rule_status import RuleBook
from monitors.rules.explain import Explanation, explain
from monitors.rules.model import Rule

WITHHELD = {
    "silent_phase": "the rule was in its silent phase here: recorded, told to nobody yet",
    "rule_stopped": "a person had stopped the rule",
    "baseline": "it was present when the rule or the unit went live: listed, not told",
    "listed": "it stood on the morning list already, at this severity",
    "list_only": "no route tells anybody at this severity: it stands on the morning list",
    "already_told": "this destination had been told at this severity",
    "rule_changed": "the rules changed, not the patient: listed, not told",
    "quiet_resolution": "an end or an easing is not told",
    "never_told": "nobody had been told of what is withdrawn",
    "stale": "there is nothing new to judge by",
    "not_firing": "the newest values do not raise it",
    "acknowledged": "somebody has acknowledged it",
    "snoozed": "somebody has snoozed it", "dismissed": "somebody has dismissed it",
    "closed_by_census": "the census closed it: nobody is told about somebody who died or left",
    "merged": "the patient's number was merged into another",
    "inhibited": "what mutes it was open, and this destination knew of that, or a feed it rests on was silent: inhibition",
    "silenced": "a person had asked for silence about it: silence",
}  # fmt: skip


def withheld(reason: str) -> str:
    """Why a telling was withheld, in words."""
    head, _, which = reason.partition(":")
    return f"{WITHHELD.get(head, head)}{f' {which}' if which else ''}"


def why(
    db: Database, config: Config, patient: str, rules: Sequence[str], night: date | None, known_at: datetime | None, now: date
) -> dict[str, Any]:
    """Everything about one patient's decisions of a night, for some rules (none: all).

    patient: 'authority|identifier', or an identifier alone where only one authority has it. night: default the newest
    judged. known_at: default what was known when that night was judged. Raises UserError: nobody or several are meant, or an
    unknown rule.
    """
    with db.begin(Role.PIPELINE) as connection:
        judged = connection.execute(sql("why/judgement"), {"night": night}).one_or_none()
        known = knowledge.max_batch(connection) if judged is None else int(judged.known)
        if known_at is not None:
            known = int(connection.execute(sql("why/known_at"), {"instant": known_at}).scalar_one())
        who = _patient(connection, patient, known)
        people = book(connection, config)
    the_night = night or (judged.night if judged is not None else now)
    body = RulesetBody.model_validate_json(judged.body if judged is not None else config.ruleset_body)
    wanted = {rule.strip().upper() for rule in rules}
    if unknown := wanted - {rule.id for rule in body.rules}:
        raise UserError(f"Rule {sorted(unknown)[0]} was not in force on night {the_night}.")
    read = knowledge.read_shard(db, config, known, the_night, who["patient_id"], who["patient_id"])
    standing = read.standings[read.standings["patient_id"] == who["patient_id"]]
    found: dict[str, Any] = {
        "patient": f"{who['authority']}|{who['identifier']}", "patient_id": who["patient_id"], "night": the_night.isoformat(),
        "known": known, "ruleset": judged.ruleset if judged is not None else config.ruleset,
        "judged": None if judged is None else {
            "judgement": judged.judgement_id, "live": judged.live, "reconciled": judged.reconciled},
        "unit": str(standing["unit"].iloc[0]) if len(standing) else None,
        "status": str(standing["status"].iloc[0]) if len(standing) else "no unit is known",
    }  # fmt: skip
    if not (read.patients["patient_id"] == who["patient_id"]).any():
        return {**found, "decisions": [], "not_judged": f"not among those judged: {found['status']}"}
    explained = explain(
        *read.frames, body.rules, body.analytes.analytes, body.calcium_basis, facts=read.facts,
        lacking=body.lacking, only=wanted,
    )  # fmt: skip
    with db.begin(Role.PIPELINE) as connection:
        unused = _unused(connection, config, who, known, read, body, the_night)
        held = _held(connection, who, known)
        recorded = _recorded(connection, judged, who["patient_id"])
        changes = connection.execute(
            sql("why/changes"), {"patient_id": who["patient_id"], "night": the_night}
        ).mappings().all()  # fmt: skip
    by_id = {rule.id: rule for rule in body.rules}
    decisions = [
        _decision(one, by_id[one.rule], found, recorded, changes, people, the_night) for one in explained
    ]
    return {**found, "decisions": decisions, "versions_not_used": unused, "quarantined": held}


def _patient(connection: Connection, text: str, known: int) -> dict[str, Any]:
    authority, _, identifier = text.rpartition("|")
    given = {"authority": authority.strip(), "identifier": identifier.strip(), "known": known}
    rows = [dict(row) for row in connection.execute(sql("why/subjects"), given).mappings()]
    if not rows:
        raise UserError(f"No patient {text!r} was known then.")
    if len({row["patient_id"] for row in rows}) > 1:
        choices = ", ".join(f"{row['authority']}|{row['identifier']}" for row in rows)
        raise UserError(f"{text!r} is the number of more than one patient; write one of {choices}.")
    return rows[0]


def _unused(
    connection: Connection, config: Config, who: dict[str, Any], known: int, read: knowledge.Knowledge, body: RulesetBody,
    night: date,
) -> list[dict[str, Any]]:  # fmt: skip
    """Versions of results that were not among the values judged, each with the reason."""
    linked = connection.execute(sql("why/linked"), {"patient_id": who["patient_id"], "known": known}).all()
    names = {analyte.number: name for name, analyte in body.analytes.analytes.items()}
    rows = connection.execute(
        sql("why/versions"), {"subjects": [row.subject_id for row in linked], "analytes": sorted(names)}
    ).all()
    seen = set(read.series["id"].tolist())
    unit = str(read.standings["unit"].iloc[0])
    ends = next((as_of(night, model.record()) for model in config.site.units if model.code == unit), None)
    return [
        {"analyte": names[row.analyte], "value": f"{row.value_text} {row.unit_text}".strip(), "result_id": row.id,
         "collected_at": utc_text(row.collected_at), "why": _why_not(row, known, ends)}
        for row in rows if row.id not in seen
    ]  # fmt: skip


def _why_not(row: Any, known: int, ends: datetime | None) -> str:
    if row.batch > known:
        return "became known only later"
    if row.superseded_in is not None and row.superseded_in <= known:
        return f"superseded: {row.because} to {row.winner_text or 'nothing'} ({row.winner_status}, result {row.winner_id})"
    if ends is not None and row.collected_at >= ends:
        return "collected after the night's end"
    return "withdrawn by the laboratory" if row.value is None else "not among the values judged"


def _held(connection: Connection, who: dict[str, Any], known: int) -> list[dict[str, Any]]:
    given = {"identifiers": [who["identifier"]], "known": known}
    return [{"row": f"Q-{row.quarantine_id}", "reason": row.reason, "sentence": row.sentence}
            for row in connection.execute(sql("why/quarantine"), given)]  # fmt: skip


def _recorded(connection: Connection, judged: Any, patient_id: int) -> dict[str, str] | None:
    if judged is None:
        return None
    given = {"judgement_id": judged.judgement_id, "patient_id": patient_id}
    return {row.rule: row.outcome for row in connection.execute(sql("why/recorded"), given)}


def _decision(
    one: Explanation, rule: Rule, found: dict[str, Any], recorded: dict[str, str] | None, changes: Iterable[Any],
    people: RuleBook, night: date,
) -> dict[str, Any]:  # fmt: skip
    mine = [change for change in changes if change["cause_group"] == rule.group and rule.id in change["limbs"]]
    last = max((change["episode_id"] for change in mine), default=None)
    life = [_change(change) for change in mine if change["episode_id"] == last]
    quiet = people.why_quiet(rule, found["unit"], night) if found["unit"] else ""
    newest = next((change for change in reversed(mine) if change["episode_id"] == last), None)
    episode = None if newest is None else {
        "ref": newest["ref"], "group": newest["cause_group"], "unit": newest["unit"], "state": newest["to_state"],
        "severity": newest["severity"], "opened_night": newest["opened_night"].isoformat(), "changes": life,
    }  # fmt: skip
    return {
        **one.to_json(), "title": rule.title, "version": rule.version, "runs": runs(rule), "review": people.review(rule),
        "recorded": None if recorded is None else recorded.get(rule.id, "clear"), "quiet": WITHHELD.get(quiet, quiet) or None,
        "episode": episode, "told": _told(one, rule, found, episode),
    }  # fmt: skip


def _change(change: Any) -> dict[str, Any]:
    return {
        "night": change["night"].isoformat(), "kind": change["kind"], "reason": change["reason"], "sentence": change["sentence"],
        "told": [f"{m['destination']}: {m['kind']}{', late' if m['late'] else ''} ({m['state']})" for m in change["messages"]],
        "withheld": [f"{'everybody' if w['destination'] == '*' else w['destination']}: {withheld(w['reason'])}"
                     for w in change["withheld"]],
    }  # fmt: skip


def _told(one: Explanation, rule: Rule, found: dict[str, Any], episode: dict[str, Any] | None) -> str:
    """In one sentence: whether anybody was told, and if not, why."""
    if found["judged"] is None:
        return "nobody: no night was judged yet"
    if episode is not None:
        told = sorted({text.partition(":")[0] for change in episode["changes"] for text in change["told"]})
        if told:
            return f"yes: {', '.join(told)} (see the changes)"
        reasons = {text.partition(": ")[2] for change in episode["changes"] for text in change["withheld"]}
        return f"nobody: {'; '.join(sorted(reasons)) or 'no telling was due'}"
    if not found["judged"]["live"]:
        return "nobody: the night was judged after the fact (a back-fill touches no episode)"
    if rule.shadow or not rule.opens:
        return f"nobody: the rule runs as {runs(rule)} and opens nothing"
    nothing = {"clear": "nothing raised it", "holding": "holding alone opens nothing; it was raised before the rule watched",
               "not_assessable": "it could not be assessed, which the morning list counts"}  # fmt: skip
    if one.reason == "cleared":
        return "nobody: newer values cleared it before it was ever told"
    return f"nobody: {nothing.get(one.outcome, 'no episode had been opened for it by this night')}"
