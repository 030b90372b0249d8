"""One made-up patient for cards with details: what the database would give, and what it becomes under the rules as shipped."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from monitors import config
from monitors.config import Config
from monitors.delivery import detail_cards
from monitors.delivery.detail import Detail, detail_of
from tests.conftest import REPOSITORY
from tests.delivery.builders import ALERT, NOW

PHOSPHATE, CALCIUM, ALBUMIN, PTH = 1, 2, 3, 4  # their numbers in analytes.yaml
DAYS = ("2026-01-20", "2026-02-17", "2026-03-17", "2026-04-14")
SERIES = {PHOSPHATE: (5.3, 5.2, 5.9, 6.8), CALCIUM: (9.4, 9.5, 9.6, 9.7)}


def result(analyte: int, day: str, value: float, **changed: Any) -> dict[str, Any]:
    return {"analyte": analyte, "at": f"{day}T06:30:00+00:00", "value": value, "comparator": "", "flags": 128, "assay": None,
            "upper_limit": None, **changed}  # fmt: skip


def product(day: str, value: float) -> dict[str, Any]:
    return {"analyte": "ca_p_higher", "value": value, "unit": "mg2/dL2", "comparator": "", "collected_at": f"{day}T06:30:00Z",
            "result_id": -1, "role": "", "derived_from": []}  # fmt: skip


ROW: dict[str, Any] = {
    "leave": 3, "evidence": 2, "list_date": "2026-03-28",
    "place": {"schedule": "Tue/Thu/Sat", "clinician": "Dr. Example North"},
    "patient": {"family_name": "EXAMPLE", "given_name": "Alex", "born": "1957-02-03", "number": "TEST-00417",
                "authority": "HOSP"},
    "limbs": [{
        "rule": "R10", "outcome": "firing", "severity": "HIGH", "since": "2026-03-17T06:30:00+00:00",
        "sentence": "on a vitamin K antagonist with Ca×P above 55 mg2/dL2 (measured calcium) and phosphate (R01 open)",
        "evidence": [product(day, value) for day, value in zip(DAYS, (49.82, 49.4, 56.64, 65.96), strict=True)],
        "facts": {"unknown": ["albumin"]},
    }],
    "results": [
        *(result(analyte, day, value) for analyte, values in SERIES.items() for day, value in zip(DAYS, values, strict=True)),
        result(PTH, "2025-11-18", 480.0, assay="assay A", upper_limit=65.0),
        result(PTH, "2026-02-17", 540.0, assay="assay B", upper_limit=65.0),
    ],
    "drugs": [
        {"text": "Calcitriol 0.5 µg", "dose": None, "since": "2026-03-21", "until": None, "listed": "2026-03-28",
         "stopped": False, "classes": ["active_vitamin_d"]},
        {"text": "Calcium carbonate 500 mg", "dose": "3 a day", "since": "2025-08-01", "until": "2026-03-21",
         "listed": "2026-03-28", "stopped": True, "classes": ["calcium_binder"]},
        {"text": "Warfarin 3 mg", "dose": None, "since": "2025-11-03", "until": None, "listed": "2026-03-28", "stopped": False,
         "classes": ["vka"]},
    ],
}  # fmt: skip
CONTENT: dict[str, Any] = ALERT | {
    "group": "calciphylaxis", "newest_result_at": "2026-04-14T06:30:00Z", "limbs": {"R10": "HIGH"},
    "rules": [{"id": "R10", "version": 1, "title": "Vitamin K antagonist with raised mineral values", "review": "none (draft)"}],
    "reason_sentence": "WARNING became HIGH: seen at a second draw, 28 days after the first.",
}  # fmt: skip


@cache
def shipped() -> Config:
    return config.load(REPOSITORY / "config")


def example(row: dict[str, Any] = ROW, content: dict[str, Any] = CONTENT) -> Detail:
    return detail_of(row, content, shipped(), date(2026, 6, 30))


@cache
def picture() -> tuple[bytes, str]:
    return detail_cards.drawn(example(), CONTENT, NOW)
