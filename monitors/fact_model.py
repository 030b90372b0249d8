"""What `facts.yaml` may say: the diagnoses, procedures, sessions and measurements the rules ask for, and their codes.

A feed names a concept in `mapping.facts` (source code -> concept); a code of a known system needs no mapping.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitors.documents import Document

FactKind = Literal["diagnosis", "procedure", "session", "weight", "state"]
System = Literal["icd10cm", "icd10", "icd9cm", "icd9proc", "icd10pcs", "snomed", "loinc"]
URIS: dict[str, System] = {  # how FHIR (and, after `urn:oid:`, HL7 v3) writes a system's name
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10cm",
    "http://hl7.org/fhir/sid/icd-10": "icd10",
    "http://hl7.org/fhir/sid/icd-9-cm": "icd9cm",
    "http://www.cms.gov/medicare/coding/icd10": "icd10pcs",
    "http://www.cms.gov/medicare/coding/icd10pcs": "icd10pcs",
    "http://snomed.info/sct": "snomed",
    "http://loinc.org": "loinc",
}
TABLE_0396: dict[str, System] = {  # how HL7 v2 writes it (CE-3), HL7 table 0396
    "I10C": "icd10cm", "I10": "icd10", "I9C": "icd9cm", "I9": "icd9cm", "I9CDX": "icd9cm", "I9CP": "icd9proc", "I10P": "icd10pcs",
    "SCT": "snomed", "SNM": "snomed", "LN": "loinc",
}  # fmt: skip
SHAPES: dict[str, str] = {
    "icd10cm": r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?", "icd10": r"[A-Z]\d\d(\.\d{1,2})?",
    "icd9cm": r"([V\d]\d\d|E\d{3})(\.\d{1,2})?", "icd9proc": r"\d\d(\.\d{1,2})?",
    "icd10pcs": r"[0-9A-HJ-NP-Z]{7}", "snomed": r"\d{6,18}", "loinc": r"\d{1,7}-\d",
}  # fmt: skip


class Code(Document):
    """One code. family: the codes below it mean the same (E11 also E11.22). tag: found (read in a source), design, or
    knowledge (general knowledge: the site checks it before it relies on it). specific: False for a code that is used for
    other things as well."""

    code: str
    family: bool = False
    specific: bool = True
    tag: Literal["found", "design", "knowledge"]


class Concept(Document):
    """One thing a rule may ask for. words: texts that name it where a source has no code, compared whole. unit: UCUM
    code of its value, where it has one."""

    kind: FactKind
    title: str
    codes: dict[System, list[Code]] = {}
    words: list[str] = []
    unit: Annotated[str, Field(description="UCUM code of the value; '' for a concept without one")] = ""

    @model_validator(mode="after")
    def _codes_look_like_their_system(self) -> Concept:
        for system, codes in self.codes.items():
            for one in codes:
                if not re.fullmatch(SHAPES[system], one.code):
                    raise ValueError(f"'{one.code}' does not look like a code of {system}")
        if not self.codes and not self.words:
            raise ValueError("a concept needs codes or words to be recognised by")
        return self


class Facts(Document):
    """facts.yaml as a whole."""

    facts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Concept] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_concept_a_code(self) -> Facts:
        seen: dict[tuple[str, str], str] = {}
        for name, concept in self.facts.items():
            keys = [(system, one.code) for system, codes in concept.codes.items() for one in codes]
            for key in keys + [("a word", folded(word)) for word in concept.words]:
                if seen.setdefault(key, name) != name:
                    raise ValueError(f"{name} and {seen[key]} both claim '{key[1]}' ({key[0]})")
        return self

    def of_code(self, code: str, system: str) -> str | None:
        """The concept a code of a system means; None for a code or a system that is none of ours. system: a FHIR URI, a
        name of HL7 table 0396, or ours. The longest code wins, so that one below a family may mean something else."""
        ours = URIS.get(system.rstrip("/"), TABLE_0396.get(system.upper(), system))
        given = code.strip().upper()
        if ours == "icd9cm" and re.fullmatch(SHAPES["icd9proc"], given):  # FHIR has one name for both parts of ICD-9-CM
            ours = "icd9proc"
        given = _dotted(given, ours)
        found = [
            (len(one.code), name)
            for name, concept in self.facts.items()
            for known, codes in concept.codes.items()
            for one in codes
            if known == ours and (given == one.code or (one.family and given.startswith(one.code)))
        ]
        return max(found)[1] if found else None

    def of_token(self, token: str) -> str | None:
        """The concept of 'system|code' (as FHIR writes a token); a code without a system means nothing by itself."""
        system, bar, code = token.rpartition("|")
        return self.of_code(code, system) if bar else None

    def of_text(self, text: str) -> str | None:
        """The concept a text names, as a whole and in any case: part of a sentence would be a guess."""
        given = folded(text)
        return next((name for name, concept in self.facts.items() if given in map(folded, concept.words)), None)


def folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _dotted(code: str, system: str) -> str:
    """ICD codes are often sent without their dot (E8359)."""
    before = {"icd10cm": 3, "icd10": 3, "icd9cm": 4 if code.startswith("E") else 3, "icd9proc": 2}.get(system, len(code))
    return code if "." in code or len(code) <= before else f"{code[:before]}.{code[before:]}"
