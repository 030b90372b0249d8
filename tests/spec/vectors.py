"""Writes the drawn tables as vectors/*.json, for any other implementation: `python -m tests.spec.vectors`.

What is written comes from the tables alone, never from the engine. vectors/README.md says what each key means.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .table import MEASURES, Table, catalogue, read

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "vectors"
MARKS = {"post": "post_dialysis", "inpatient": "inpatient", "preliminary": "preliminary", "pre": "pre_dialysis"}


def page(rule: str, text: str) -> dict[str, Any]:
    """One file: every table of a page."""
    about = re.sub(r"\s+", " ", text.split("\n### ")[0].split("\n", 1)[1]).strip()
    return {"rule": rule, "about": about, "vectors": [vector(table) for table in read(text)]}


def vector(table: Table) -> dict[str, Any]:
    lines = list(table.lines)
    kinds = {kind for kind, _ in lines}
    patients = dict.fromkeys(row.get("patient", "") for row in table.rows)
    return {
        "name": table.name,
        "excluded": next((text for kind, text in lines if kind == "excluded"), ""),
        "site_lacks": [text for kind, text in lines if kind == "lacking"],
        "site_has_facts": bool(kinds & {"fact", "facts"}),
        "facts": [fact(text) for kind, text in lines if kind == "fact"],
        "drugs": [drug(text) for kind, text in lines if kind == "drug"],
        "drug_lists": [text for kind, text in lines if kind == "list"],
        "patients": [patient(name, table) for name in patients],
    }


def patient(name: str, table: Table) -> dict[str, Any]:
    rows = [row for row in table.rows if row.get("patient", "") == name]
    results = [result for number, row in enumerate(rows, 1) for result in results_of(number, row, rows)]
    nights = [
        {"night": row["date"], "as_of": f"{row['date']}T23:00:00Z", "rows": number, "expected": expected}
        for number, row in enumerate(rows, 1)
        if (expected := {rule: outcome(words) for rule, words in row.items() if re.fullmatch(r"R\d\d", rule) and words})
    ]
    return {"patient": name, "results": results, "nights": nights}


def results_of(number: int, row: dict[str, str], rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The results of one row, in the units they are written in."""
    analytes, marks, found = catalogue()[0], row.get("marks", "").split(), []
    for column, cell in row.items():
        short, _, unit = column.partition(" ")
        if short not in MEASURES or not cell:
            continue
        sign, value, own = re.fullmatch(r"(<=|>=|<|>|)\s*([\d.]+)\s*(\S*)", cell).groups()
        analyte = MEASURES[short]
        found.append({
            "row": number, "analyte": analyte, "comparator": sign, "value": float(value), "unit": own or unit,
            "collected_at": f"{row['date']}T{row.get('time') or '08:00'}:00Z",
            "sample": f"{number}/{analyte}" if "apart" in marks else f"{number}",
            "marks": [MARKS[mark] for mark in marks if mark in MARKS],
            "assay": int(row["assay"]) if analyte == "pth" and row.get("assay") else None,
            "upper_limit": float(row["ULN"]) if analyte == "pth" and row.get("ULN") else None,
            "upper_limit_unit": (own or unit) if analyte == "pth" and row.get("ULN") else None,
            "known": int(row["known"]) if row.get("known") else None,
        })  # fmt: skip
        assert found[-1]["unit"] in (analytes[analyte].conventional, analytes[analyte].si), cell
    return found


def drug(text: str) -> dict[str, Any]:
    said = _said(text, "from|to|supply|listed")
    supply = said.get("supply")
    return {"text": said[""], "start": said.get("from"), "stop": said.get("to"), "supply_days": int(supply) if supply else None,
            "listed": said.get("listed")}  # fmt: skip


def fact(text: str) -> dict[str, Any]:
    said = _said(text, "from|to|value")
    value = said.get("value")
    return {"fact": said[""], "start": said["from"], "end": said.get("to"), "value": float(value) if value else None}


def _said(text: str, words: str) -> dict[str, str]:
    parts = re.split(rf"\s+({words})\s+", text)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def outcome(words: str) -> dict[str, str | None]:
    """'firing HIGH', 'clear noted', 'not assessable no_recent:phosphate' in parts."""
    if words.startswith("not assessable "):
        return {"outcome": "not_assessable", "severity": None, "reason": words.removeprefix("not assessable ")}
    said, _, rest = words.partition(" ")
    severity = rest if rest.isupper() else None
    return {"outcome": said, "severity": severity, "reason": None if severity or not rest else rest}


def texts() -> dict[str, str]:
    """File name -> text of every file, as it should be."""
    made = {path.stem: page(path.stem, path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("R*.md"))}
    return {f"{rule}.json": json.dumps(one, indent=1, ensure_ascii=False) + "\n" for rule, one in made.items()}


def main() -> None:
    OUT.mkdir(exist_ok=True)
    for name, text in texts().items():
        (OUT / name).write_text(text, encoding="utf-8")
    print(f"{len(texts())} files are written to vectors/.")


if __name__ == "__main__":
    main()
