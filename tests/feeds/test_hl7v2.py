"""HL7 v2 messages -> rows: what each part becomes, and what is refused because its patient is not certain."""

from __future__ import annotations

from typing import Any

import pytest

from monitors.errors import FeedError
from monitors.feed_model import Feed
from monitors.feeds import hl7v2

BASE = {"format": "hl7v2", "location": "inbox", "laboratory": "lab-a", "authority": "hospital-a", "zone": "Europe/London"}
HEAD = "MSH|^~\\&|LAB|A|NW|B|20260228120000+0000||ORU^R01^ORU_R01|1|P|2.5.1"
PID = "PID|1||AA1^^^HOSP^MR~N9^^^NHS^NH||DOE^ADA||19600101|F"
OTHER = "PID|2||BB2^^^HOSP^MR||ROE^BEN||19610101|M"
OBR = "OBR|1|P1|S1|RFP^Panel^L|||20260227073000|||||||||||||||20260227110000|||F"
OBX = "OBX|1|NM|2777-1^Phosphate^LN||5.5|mg/dL|2.5-4.5|H|||F"


def feed(change: dict[str, Any] | None = None, **options: Any) -> Feed:
    return Feed.model_validate({**BASE, "hl7v2": options, "mapping": change or {}})


def rows(*lines: str, kind: str = "labs", change: dict[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
    parsed = hl7v2.parse(("\r".join(lines) + "\r").encode(), feed(change, **options))
    assert list(parsed.refused["reason"]) == []
    return parsed.frames[kind].astype(object).where(lambda frame: frame.notna(), None).to_dict("records")


def refused(*lines: str, **options: Any) -> list[str]:
    parsed = hl7v2.parse(("\r".join(lines) + "\r").encode(), feed(**options))
    assert parsed.frames == {}
    return list(parsed.refused["reason"])


def values(*results: str) -> list[Any]:
    return [row["value"] for row in rows(HEAD, PID, OBR, *(f"OBX|{n}|{said}||||||F" for n, said in enumerate(results, 1)))]


def test_a_result_has_its_patient_order_and_times() -> None:
    (row,) = rows(HEAD, PID, OBR, OBX, "NTE|1||first", "NTE|2||second", second_authority="NHS")
    wanted = {"row_no": 4, "line_no": 4, "patient": "AA1", "second_identifier": "N9", "date_of_birth": "19600101",
              "collected_at": "20260227073000", "issued_at": "20260227110000", "accession": "S1", "code": "2777-1",
              "value": "5.5",
              "unit_text": "mg/dL", "status": "final", "reference_range": "2.5-4.5", "upper_limit": "4.5", "abnormal": "H",
              "comment": "first | second", "source:row": OBX}  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_values_of_every_type_are_text_and_never_run_together() -> None:
    said = ("NM|A||5.5", "SN|A||>^11.0", "SN|A||^100^-^200", "SN|A||^1^:^128", "SN|A||^3^^7", "SN|A||1^5", "ST|A||<3",
            "NM|A||27~25",
            "CWE|A||260385009^Negative^SCT", "TX|A||a\\.br\\b \\T\\ c\\F\\d\\X41\\", "FT|A||", 'NM|A||""')  # fmt: skip
    assert values(*said) == ["5.5", ">11.0", "100-200", "1:128", "3 7", "1 5", "<3", "27~25",
                             "Negative", "a\nb & c|dA", None, None]  # fmt: skip


@pytest.mark.parametrize(
    ("letter", "order", "status"),
    [("F", "F", "final"), ("f", "", "final"), ("P", "", "preliminary"), ("R", "", "preliminary"), ("C", "", "corrected"),
     ("A", "", "amended"), ("X", "", "cancelled"), ("N", "", "cancelled"), ("D", "", "deleted"), ("W", "", "wrong"),
     ("U", "", "final"), ("V", "", "final"), ("I", "", "preliminary"), ("S", "", "preliminary"), ("B", "", "amended"),
     ("O", "", "O"), ("", "", "final"), ("", "C", "corrected"), ("", "P", "preliminary")],
)  # fmt: skip
def test_every_letter_of_table_0085(letter: str, order: str, status: str) -> None:
    (row,) = rows(HEAD, PID, OBR.removesuffix("F") + order, f"OBX|1|NM|A||5|mg/dL|||||{letter}")
    assert row["status"] == status


def test_a_status_in_the_next_field_is_no_blank_status() -> None:
    (row,) = rows(HEAD, PID, OBR, "OBX|1|NM|A||5|mg/dL||||D")
    assert row["status"] not in ("final", "deleted")


def test_a_letter_the_mapping_names_is_left_to_it() -> None:
    (row,) = rows(HEAD, PID, OBR, OBX, change={"statuses": {"F": "preliminary"}})
    assert row["status"] == "F"


def test_the_specimen_gives_time_accession_type_and_condition() -> None:
    spm = "SPM|1|^S77||SER^Serum^HL70487|||||||||||||20260227070000-0500^x|||||||HEM^Hemolyzed^HL70493"
    (row,) = rows(HEAD, PID, OBR, OBX, spm)
    assert (row["collected_at"], row["accession"], row["specimen"], row["condition"]) == (
        "20260227070000-0500", "S77", "SER", "HEM Hemolyzed")  # fmt: skip


def test_the_coding_the_mapping_names_is_taken() -> None:
    (row,) = rows(HEAD, PID, OBR, "OBX|1|NM|P1^x^L^2777-1^Phosphate^LN||5", change={"codes": {"2777-1": "phosphate"}})
    assert row["code"] == "2777-1"


def test_several_patients_keep_their_results() -> None:
    second = "OBR|1|P2|S2|RFP|||20260227"
    found = rows(HEAD, PID, OBR, OBX, OTHER, second, OBX)
    assert [(row["patient"], row["accession"]) for row in found] == [("AA1", "S1"), ("BB2", "S2")]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([HEAD, OBR, OBX], "missing_patient"),
        ([HEAD, "PID|1||^^^HOSP", OBR, OBX], "missing_patient"),
        ([HEAD, PID, OTHER, OBR, OBX], "uncertain_patient"),
        ([HEAD, PID, OBR, OTHER, OBX], "uncertain_patient"),
        ([HEAD, PID, OBR, OBX, OTHER], "uncertain_patient"),
        ([HEAD, PID, OBX, OBR, OBX], "uncertain_patient"),
        ([HEAD, PID, OBR, OBX, OBR, OBX], "lost_segment"),
        ([HEAD, PID, OBR, OBX, OBX], "lost_segment"),
        ([HEAD, PID, OBR, OBX, "PV1|1|O"], "lost_segment"),
        ([HEAD, PID, OBR, OBX.replace("5.5", "5.5" + HEAD)], "run_together"),
        ([HEAD, PID, OBR, OBX + OTHER, OBR.replace("OBR|1", "OBR|2"), OBX], "run_together"),
        ([HEAD, PID, OBR, OBX, OTHER.replace("PID", "PRD"), OBR, OBX], "broken_segment"),
        ([HEAD, PID, OBR, OBX, OTHER.replace("PID", "ZID"), OBR, OBX], "broken_segment"),
        ([HEAD.replace("^~\\&", "^^\\&"), PID, OBR, OBX], "bad_separators"),
        ([HEAD.replace("2.5.1", "3.0"), PID, OBR, OBX], "unknown_version"),
        ([HEAD + "||||||KLINGON", PID, OBR, OBX], "unknown_charset"),
    ],
)
def test_a_message_whose_patient_is_not_certain_is_refused_whole(lines: list[str], reason: str) -> None:
    assert refused(*lines) == [reason]


def test_a_feed_of_one_patient_a_message_may_number_every_order_1() -> None:
    assert len(rows(HEAD, PID, OBR, OBX, OBR, OBX, patients_per_message="one")) == 2
    assert refused(HEAD, PID, OBR, OBX, OTHER, OBR, OBX, patients_per_message="one") == ["uncertain_patient"]


def test_one_accession_of_two_patients_refuses_both_messages() -> None:
    assert refused(HEAD, PID, OBR, OBX, HEAD, OTHER, OBR, OBX) == ["uncertain_patient", "uncertain_patient"]


def test_a_broken_message_costs_only_itself() -> None:
    parsed = hl7v2.parse("\r".join([HEAD, PID, OBR, OBX, HEAD, OBR, OBX, HEAD, PID, OBR, OBX, ""]).encode(), feed())
    assert list(parsed.frames["labs"]["row_no"]) == [4, 11]
    assert list(parsed.refused["row_no"]) == [5]


def test_the_patient_number_of_the_named_authority() -> None:
    two = "PID|1||X1^^^OTHER^MR~AA1^^^HOSP&1.2&ISO^MR"
    assert [row["patient"] for row in rows(HEAD, two, OBR, OBX, patient_authority="HOSP")] == ["AA1"]
    assert [row["patient"] for row in rows(HEAD, two, OBR, OBX, patient_authority="1.2")] == ["AA1"]
    assert refused(HEAD, two, OBR, OBX, patient_authority="NOBODY") == ["missing_patient"]
    assert refused(HEAD, two, OBR, OBX, patient_type="MR") == ["uncertain_patient"]


def adt(event: str, *lines: str) -> list[str]:
    return [HEAD.replace("ORU^R01^ORU_R01", f"ADT^{event}"), f"EVN|{event}|20260226101500", PID, *lines]


@pytest.mark.parametrize(
    ("event", "visit", "status"),
    [("A01", "PV1|1|I|WARD^1", "admitted"), ("A01", "PV1|1|R|N1", "active"), ("A03", "PV1|1|I|WARD", "active"),
     ("A11", "PV1|1|I|WARD", "active"), ("A13", "PV1|1|I|WARD", "admitted"),
     ("A06", "PV1|1|I|WARD", "admitted"), ("A07", "PV1|1|O|N1", "active")],
)  # fmt: skip
def test_events_become_census_rows(event: str, visit: str, status: str) -> None:
    (row,) = rows(*adt(event, visit), kind="census")
    assert (row["status"], row["effective_on"], row["line_no"]) == (status, "20260226101500", 1)


def test_an_update_of_data_is_no_movement_and_raises_nobody_from_the_dead() -> None:
    lines = adt("A08", "PV1|1|O|EYE")
    assert "census" not in hl7v2.parse(("\r".join(lines) + "\r").encode(), feed()).frames
    lines[2] += "|" * 22 + "N"  # said to be alive: a death told in error is taken back
    assert [row["status"] for row in rows(*lines, kind="census")] == ["active"]


def test_a_death_is_told_by_any_event() -> None:
    lines = adt("A31")
    lines[2] += "|" * 21 + "20260225|Y"
    (row,) = rows(*lines, kind="census")
    assert (row["status"], row["effective_on"]) == ("died", "20260225")


def test_diagnoses_and_procedures_are_facts() -> None:
    lines = adt("A01", "PV1|1|I|WARD", "DG1|1||E83.5^Calcium^I10||20260220", "PR1|1||0GTL^Parathyroidectomy^I10P||20260221")
    found = rows(*lines, kind="facts", change={"facts": {"0GTL": "parathyroidectomy"}})
    assert [(row["fact"], row["code"], row["happened_on"]) for row in found] == [
        ("E83.5", "I10|E83.5", "20260220"), ("parathyroidectomy", "I10P|0GTL", "20260221")]  # fmt: skip


def test_merges_and_their_undoing_are_links() -> None:
    found = rows(*adt("A40", "MRG|OLD1^^^HOSP^MR", OTHER, "MRG|OLD2^^^HOSP^MR"), kind="links")
    assert [(row["patient"], row["merged_patient"], row["action"]) for row in found] == [
        ("AA1", "OLD1", "merge"), ("BB2", "OLD2", "merge")]  # fmt: skip
    (undone,) = rows(*adt("A37", OTHER), kind="links")
    assert (undone["patient"], undone["merged_patient"], undone["action"]) == ("AA1", "BB2", "unmerge")
    assert refused(*adt("A40", OTHER, "MRG|OLD2")) == ["unclear_merge"]
    assert refused(*adt("A34", "MRG|AA1")) == ["unclear_merge"]
    assert refused(*adt("A34", "MRG|OLD1^^^ELSEWHERE")) == ["unclear_merge"]


def test_orders_and_administrations() -> None:
    head = HEAD.replace("ORU^R01^ORU_R01", "RDE^O11^RDE_O11")
    found = rows(head, PID, "ORC|NW|R1", "RXE||W^Warfarin 3 mg^L|3||mg", "TQ1|1|||||4^wk|20260201|20260301",
                 "ORC|DC|R2" + "|" * 13 + "20260220", "RXE||C^Cinacalcet^L|30||mg", kind="medications")  # fmt: skip
    wanted = ("order", "drug", "dose", "started_on", "ended_on", "days_supply", "status")
    assert [tuple(row[name] for name in wanted) for row in found] == [
        ("R1", "Warfarin 3 mg", "3 mg", "20260201", "20260301", "28", "active"),
        ("R2", "Cinacalcet", "30 mg", None, "20260220", None, "stopped"),
    ]
    head = HEAD.replace("ORU^R01^ORU_R01", "RAS^O17^RAS_O17")
    (given,) = rows(head, PID, "ORC|RE|R3", "RXA|0|1|20260227||E^Etelcalcetide^L|5|mg", kind="medications")
    assert [given[name] for name in ("drug", "started_on", "days_supply", "order")] == [
        "Etelcalcetide", "20260227", "1", "R3 given 20260227"]  # fmt: skip


def test_two_orders_messages_that_ran_together_are_refused() -> None:
    head = HEAD.replace("ORU^R01^ORU_R01", "RDE^O11")
    assert refused(head, PID, "ORC|NW|R1", "RXE||W", OTHER, "ORC|NW|R2", "RXE||C") == ["uncertain_patient"]


def test_messages_nobody_asked_for_are_counted() -> None:
    parsed = hl7v2.parse(b"MSH|^~\\&|A|B|C|D|2026||MDM^T02|1|P|2.3\rPID|1||A\r", feed())
    assert parsed.ignored == {"MDM^T02": 1}


def test_row_numbers_do_not_depend_on_the_mapping() -> None:
    lines = [HEAD, PID, OBR, OBX, "OBX|2|NM|KTV||1.4|1"]
    plain = rows(*lines)
    assert [row["row_no"] for row in plain] == [4, 5]
    assert [row["row_no"] for row in rows(*lines, kind="facts", change={"facts": {"KTV": "session"}})] == [5]


def test_nothing_at_all_is_an_empty_file() -> None:
    with pytest.raises(FeedError) as refusal:
        hl7v2.parse(b"\r\n", feed())
    assert refusal.value.reason == "empty_file"


@pytest.mark.parametrize("said", ["ORU^R017M2", "ORV^R01", "ORU^R0A", "X"])
def test_results_of_a_damaged_message_type_are_not_passed_over(said: str) -> None:
    assert refused(HEAD.replace("ORU^R01^ORU_R01", said), PID, OBR, OBX) == ["unknown_message"]
