"""The demo's fourth laboratory speaks HL7 v2.5.1: results in nightly batches, orders and registrations as messages.

Rows are those of `generate.results`; one message a specimen. Nothing here is shared with the parser: what both know is
the standard.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime, time

import pandas as pd

from monitors.demo.dialects import Assayed, Laboratory

Person = Mapping[Hashable, object]
NAMES = {
    "phosphate": "Phosphate", "calcium": "Calcium", "pth": "Parathyrin.intact", "albumin": "Albumin",
    "alkaline_phosphatase": "Alkaline phosphatase", "potassium": "Potassium", "crp": "C reactive protein", "inr": "INR",
    "haemoglobin": "Haemoglobin", "urine_phosphate": "Phosphate, urine",
}  # fmt: skip
LOCAL = "L"  # the code system of a laboratory's own codes, HL7 table 0396
SOUTHERN = Laboratory(
    unit="N4", zone="Australia/Melbourne", dates="%Y%m%d%H%M%S%z", accession="M",
    statuses={"final": "F", "preliminary": "P", "corrected": "C", "cancelled": "X", "wrong": "W"},
    analytes={
        "phosphate": Assayed("14879-1", "mmol/L", 0.3229, 2), "calcium": Assayed("2000-8", "mmol/L", 0.2495, 2),
        "pth": Assayed("14866-8", "pmol/L", 0.106, 1, 0.5, 265), "albumin": Assayed("1751-7", "g/L", 10, 0),
        "alkaline_phosphatase": Assayed("6768-6", "U/L", 1, 0), "potassium": Assayed("2823-3", "mmol/L"),
        "crp": Assayed("1988-5", "mg/L", 1, 0, 4), "inr": Assayed("6301-6", "{INR}"),
        "haemoglobin": Assayed("718-7", "g/L", 10, 0), "urine_phosphate": Assayed("UPHO", "mmol/L", 1, 1),
    },
    pth_method="Intact PTH, assay D", pth_limit="7.4",
)  # fmt: skip
AUTHORITY = "EXAMPLE-NETWORK"


def results(rows: pd.DataFrame, people: Mapping[str, Person], sent: str) -> list[str]:
    """One ORU^R01 for each specimen, in order of the rows. people: by identifier; sent: the message time."""
    messages = []
    for number, (_, own) in enumerate(rows.groupby("accession", sort=False), start=1):
        first = own.iloc[0]
        corrected = SOUTHERN.statuses["corrected"] in set(own["status"])
        segments = [
            _patient(str(first["identifier"]), people[str(first["identifier"])]),
            "PV1|1|O|RENAL^^^MELBOURNE",
            _segment("OBR", 1, "", f"{first['accession']}^LAB", "CKDMBD^Mineral and bone profile^L", "", "", first["collected"],
                     *[""] * 14, first["issued"], "", "", "C" if corrected else "F"),
        ]  # fmt: skip
        for place, row in enumerate(own.to_dict("records"), start=1):
            segments.append(_result(place, row))
            if row["note"]:
                segments.append(_segment("NTE", 1, "L", _escaped(str(row["note"]))))
        segments.append(_segment(
            "SPM", 1, f"^{first['accession']}", "", str(first.get("specimen") or "SER"), *[""] * 12, first["collected"],
            *[""] * 6, str(first.get("condition") or ""),
        ))  # fmt: skip
        messages.append(_message("ORU^R01^ORU_R01", f"{first['accession']}-{number}-{sent[:8]}", sent, segments))
    return messages


def orders(rows: Iterable[Sequence[str]], people: Mapping[str, Person], sent: str) -> list[str]:
    """One RDE^O11 for each row of `lists.on_list`: patient, order, drug, dose, start, stop, day of the list."""
    messages = []
    for identifier, order, drug, dose, start, stop, _ in rows:
        amount, _, unit = dose.partition(" ")
        messages.append(_message("RDE^O11^RDE_O11", order, sent, [
            _patient(identifier, people[identifier]),
            _segment("ORC", "DC" if stop else "NW", f"{order}^PHARM", "", "", "", "", f"^^^{_day(start)}^{_day(stop)}", "", sent),
            _segment("RXE", f"^^^{_day(start)}^{_day(stop)}", f"^{_escaped(drug)}^{LOCAL}", amount, "", unit),
        ]))  # fmt: skip
    return messages


def registrations(people: Iterable[Person], since: date, sent: str, event: str = "A04") -> list[str]:
    """One ADT for each person: A04 is registered (under our care from `since`), A03 is gone."""
    return [
        _message(f"ADT^{event}^ADT_A01", f"{event}-{person['identifier']}", sent, [
            _segment("EVN", event, sent, "", "", "", f"{since:%Y%m%d}"),
            _patient(str(person["identifier"]), person),
            _segment("PV1", 1, "R", "RENAL^^^MELBOURNE", *[""] * 40, f"{since:%Y%m%d}"),
        ])
        for person in people
    ]  # fmt: skip


def merge(survives: Person, merged: str, when: str) -> str:
    """An ADT^A40: `merged` is from now on a number of the patient who survives."""
    identifier = str(survives["identifier"])
    return _message("ADT^A40^ADT_A39", f"A40-{merged}", when, [
        _segment("EVN", "A40", when, "", "", "", when),
        _patient(identifier, survives),
        _segment("MRG", f"{merged}^^^{AUTHORITY}^MR"),
    ])  # fmt: skip


def batch(messages: Sequence[str], sent: str) -> bytes:
    """Messages as one BHS ... BTS batch, segments ended by CR, as UTF-8."""
    head = f"BHS|^~\\&|LAB|MELBOURNE|NEPHROWATCH|RENAL|{sent}||||{sent[:14]}\r"
    return (head + "".join(messages) + f"BTS|{len(messages)}\r").encode()


def without_patient(message: str) -> str:
    """The same message with its PID lost: nobody can say whose results these are."""
    return "\r".join(line for line in message.split("\r") if not line.startswith("PID|"))


def sent_at(day: date, hour: int = 5) -> str:
    """A time of day as the interface engine stamps its messages."""
    return str(SOUTHERN.when(pd.Series([pd.Timestamp(datetime.combine(day, time(hour)))])).iloc[0])


def _message(kind: str, control: str, sent: str, segments: Sequence[str]) -> str:
    head = f"MSH|^~\\&|LAB|MELBOURNE|NEPHROWATCH|RENAL|{sent}||{kind}|{control}|P|2.5.1||||||UNICODE UTF-8"
    return "\r".join([head, *segments]) + "\r"


def _patient(identifier: str, person: Person) -> str:
    born = person["born"]
    number = f"{identifier}^^^{AUTHORITY}^MR"
    return _segment(
        "PID", 1, "", number, "", f"{person['family']}^{person['given']}", "", f"{born:%Y%m%d}" if born else "", person["sex"]
    )


def _result(place: int, row: Mapping[Hashable, object]) -> str:
    kind, value = _value(str(row["value_text"]))
    limit = str(row["upper_limit"])
    return _segment(
        "OBX", place, kind, f"{row['code']}^{NAMES[str(row['analyte'])]}^LN", "", value, row["unit_text"],
        f"0-{limit}" if limit else "", "", "", "", row["status"], "", "", row["collected"], "", "", row["assay"],
    )  # fmt: skip


def _value(text: str) -> tuple[str, str]:
    """Value type and value: a censored number is structured (`>^265`), words are text."""
    if text[:1] in "<>" and text:
        return "SN", f"{_escaped(text[0])}^{text[1:]}"
    return ("NM" if text.replace(".", "", 1).isdigit() or not text else "ST"), _escaped(text)


def _segment(name: str, *fields: object) -> str:
    return "|".join([name, *(str(field) for field in fields)]).rstrip("|")


def _day(text: str) -> str:
    return text.replace("-", "")


def _escaped(text: str) -> str:
    for sign, name in (("\\", "E"), ("|", "F"), ("^", "S"), ("&", "T"), ("~", "R")):
        text = text.replace(sign, f"\\{name}\\") if sign != "\\" else text.replace("\\", "\\E\\")
    return text
