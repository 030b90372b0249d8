"""Which concept a code, with the name of its system, or a whole text means; and which look-alike means none."""

from __future__ import annotations

import pytest

from monitors import config
from monitors.fact_model import Facts
from tests.site import REPOSITORY

CM, ICD9 = "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-9-cm"
ASKED = {  # what the catalogue of rules asks for
    "diabetes", "calciphylaxis", "prior_calciphylaxis", "pregnancy", "parathyroidectomy", "kidney_transplant", "dialysis_start",
    "session", "missed_session", "dry_weight", "weight", "bmi", "admission", "female", "weight_loss", "elemental_calcium",
}  # fmt: skip


@pytest.fixture(scope="module")
def facts() -> Facts:
    return config.load(REPOSITORY / "config").facts


def test_every_concept_the_catalogue_asks_for_is_there_and_no_other(facts: Facts) -> None:
    assert set(facts.facts) == ASKED


@pytest.mark.parametrize(("code", "system", "concept"), [
    ("E11.22", CM, "diabetes"), ("E1122", "I10C", "diabetes"), ("E10", "I10", "diabetes"), ("250.40", "I9C", "diabetes"),
    ("25040", ICD9, "diabetes"), ("73211009", "http://snomed.info/sct", "diabetes"), ("44054006", "SCT", "diabetes"),
    ("E83.59", CM, "calciphylaxis"), ("e8359", "I10C", "calciphylaxis"),
    ("06.89", ICD9, "parathyroidectomy"), ("0689", "I9CP", "parathyroidectomy"), ("55.69", ICD9, "kidney_transplant"),
    ("Z94.0", CM, "kidney_transplant"), ("V420", "I9CDX", "kidney_transplant"), ("O09.90", CM, "pregnancy"),
    ("70961-8", "http://loinc.org", "session"), ("70965-9", "LN", "session"), ("39156-5", "loinc", "bmi"),
])  # fmt: skip
def test_a_code_with_its_system_means_a_concept(facts: Facts, code: str, system: str, concept: str) -> None:
    assert facts.of_code(code, system) == concept


@pytest.mark.parametrize(("code", "system"), [
    ("E83.5", CM), ("E83.52", CM), ("E119", "LN"), ("E11.22", ""), ("E11.22", "L"), ("5569", "I9C"), ("556.9", ICD9),
    ("E89.2", CM), ("Z95.2", CM), ("70215-5", "LN"), ("", CM), ("E1", CM), ("250", "I10C"), ("13959-2", "LN"),
])  # fmt: skip
def test_a_look_alike_or_a_code_without_its_system_means_none(facts: Facts, code: str, system: str) -> None:
    assert facts.of_code(code, system) is None


def test_a_token_is_a_system_and_a_code(facts: Facts) -> None:
    assert facts.of_token(f"{CM}|E11.9") == "diabetes"
    assert facts.of_token("I10C|E83.59") == "calciphylaxis"
    assert facts.of_token("E11.9") is None


def test_a_text_names_a_concept_as_a_whole_only(facts: Facts) -> None:
    assert facts.of_text(" Parathyroidectomy ") == "parathyroidectomy"
    assert facts.of_text("No show") == "missed_session"
    assert facts.of_text("no history of diabetes") is None


def test_the_code_of_calciphylaxis_is_marked_as_used_for_other_things(facts: Facts) -> None:
    assert [one.specific for one in facts.facts["calciphylaxis"].codes["icd10cm"]] == [False]


def test_no_code_of_a_session_claims_to_be_official(facts: Facts) -> None:
    assert {one.tag for one in facts.facts["session"].codes["loinc"]} == {"found"}


def test_what_a_code_means_is_no_part_of_the_rule_set() -> None:
    body = config.load(REPOSITORY / "config").ruleset_body
    assert "237900004" not in body
    assert "history of calciphylaxis" not in body


def test_the_longer_code_wins() -> None:
    facts = Facts.model_validate({"facts": {
        "wide": {"kind": "diagnosis", "title": "Wide", "codes": {"icd10cm": [{"code": "E83", "family": True, "tag": "design"}]}},
        "narrow": {"kind": "diagnosis", "title": "Narrow", "codes": {"icd10cm": [{"code": "E83.59", "tag": "design"}]}},
    }})  # fmt: skip
    assert (facts.of_code("E83.59", "icd10cm"), facts.of_code("E83.5", "icd10cm")) == ("narrow", "wide")
