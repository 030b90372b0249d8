"""vectors/*.json are what the drawn tables say, and the engine reproduces each of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from monitors.records import Flag
from monitors.rules.judge import Judged, judge
from spec import vectors
from spec.table import Frames, catalogue, days, finding_of

FILES = sorted(vectors.OUT.glob("R*.json"))
READ = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}
CASES = [(rule, number) for rule, page in READ.items() for number in range(len(page["vectors"]))]
FLAGS = {"post_dialysis": Flag.POST_DIALYSIS, "inpatient": Flag.INPATIENT, "preliminary": Flag.PRELIMINARY,
         "pre_dialysis": Flag.PRE_DIALYSIS}  # fmt: skip


def test_the_files_are_what_the_tables_say():
    written = {path.name: path.read_text(encoding="utf-8") for path in FILES}

    assert written == vectors.texts(), "run python -m tests.spec.vectors"


def frames_of(vector: dict[str, Any]) -> tuple[Frames, list[tuple[int, str, str, dict[str, Any]]]]:
    """One made-up patient a night; (patient, where, rule, expected)."""
    frames, expected = Frames(), []
    for patient in vector["patients"]:
        for night in patient["nights"]:
            number = len(frames.patients) + 1
            frames.patient(number, days(night["night"]), vector["excluded"])
            frames.facts = [] if vector["site_has_facts"] and frames.facts is None else frames.facts
            samples: dict[str, int] = {}
            for result in patient["results"]:
                if result["row"] <= night["rows"]:
                    add_result(frames, number, result, samples)
            for drug in vector["drugs"]:
                dates = {name: days(drug[name]) for name in ("start", "stop", "listed") if drug[name]}
                frames.drug(number, drug["text"], **dates, **({"supply": drug["supply_days"]} if drug["supply_days"] else {}))
            for listed in vector["drug_lists"]:
                frames.drug(number, "", listed=days(listed))
            for fact in vector["facts"]:
                value = float("nan") if fact["value"] is None else fact["value"]
                frames.fact(number, fact["fact"], days(fact["start"]), days(fact["end"]) if fact["end"] else -1, value)
            where = f"{vector['name']}, {patient['patient']} {night['night']}"
            expected += [(number, where, rule, what) for rule, what in night["expected"].items()]
    return frames, expected


def add_result(frames: Frames, number: int, result: dict[str, Any], samples: dict[str, int]) -> None:
    at = datetime.fromisoformat(result["collected_at"])
    marks = Flag(0)
    for mark in result["marks"]:
        marks |= FLAGS[mark]
    if result["known"] is not None:
        frames.known[len(frames.series) + 1] = result["known"]
    frames.result(
        number, result["analyte"], f"{result['comparator']}{result['value']!r}", result["unit"], days(at.date().isoformat()),
        draw=1000 * number + samples.setdefault(result["sample"], len(samples)), clock=at.hour * 60 + at.minute, marks=marks,
        method=-1 if result["assay"] is None else result["assay"], upper_limit=result["upper_limit"],
    )  # fmt: skip


def judged_by(frames: Frames, rules: set[str], lacking: list[str]) -> Judged:
    """By these rules and those they mention only: most of the catalogue is not asked about."""
    analytes, _, catalogue_rules = catalogue()
    for rule in reversed(catalogue_rules):  # each comes after those it mentions
        rules = rules | set(rule.mentions) if rule.id in rules else rules
    wanted = [rule for rule in catalogue_rules if rule.id in rules]
    given = frames.series_frame(), frames.patients_frame(), frames.medications_frame()
    return judge(*given, wanted, analytes, facts=frames.facts_frame(), lacking=lacking)


@pytest.mark.parametrize(("rule", "number"), CASES, ids=[f"{rule}-{number + 1}" for rule, number in CASES])
def test_the_engine_reproduces_a_vector(rule, number):
    vector = READ[rule]["vectors"][number]
    frames, expected = frames_of(vector)
    judged = judged_by(frames, {name for _, _, name, _ in expected}, vector["site_lacks"])
    wrong = []
    for patient, where, name, what in expected:
        found = finding_of(judged, patient, name)
        said = ("clear", None, None)
        if found is not None:
            said = str(found.outcome), found.severity and str(found.severity), found.reason
        wanted = (what["outcome"], what["severity"], what["reason"] or said[2])
        if said != wanted:
            wrong.append(f"{where} {name}: expected {wanted}, judged {said}")
    assert expected
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_vector_that_says_otherwise_is_noticed():
    vector = READ["R01"]["vectors"][0]
    frames, expected = frames_of(vector)
    judged = frames.judge()

    assert any(finding_of(judged, patient, rule) is not None for patient, _, rule, _ in expected)
    assert {what["outcome"] for *_, what in expected} == {"clear", "firing"}
