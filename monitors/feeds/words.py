"""What the words around a result say: which specimen, in which state, drawn when and where.

Code tables: HL7 v2 0070 and 0487 (specimen type), 0493 (specimen condition), 0004 (patient class); SNOMED CT concept
ids; HL7 v3 ActCode (encounter class). Only the entries a dialysis laboratory meets; whatever is not here and not in a
feed's mapping is unknown, and unknown is never taken for blood.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from monitors.feed_model import Mapping
from monitors.records import Flag

SPECIMEN_STATES = ("blood", "other", "unknown", "wrong_tube")
CONDITIONS = ("haemolysed", "lipaemic", "icteric", "clotted", "contaminated", "delayed")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BLOOD = _set("""
    BLD BLDA BLDC BLDV WB SER SERU SERUM SERP ASERU PLAS PLASMA
    119297000 119364003 119361006 122552005 122554006 122555007 258580003 67922002 50863008 87612001
""")  # blood, serum, plasma; arterial, capillary, venous, whole blood; serum, plasma, blood as substances
_OTHER = _set("""
    UR UR24H URN URC URT RANDU U24 URIN STL STOOL CSF SAL SPT SPUTUM SNV SNVFL SYNFL PLR PLEU PLEURAL PRT PERI PERIT ASC ASCIT
    DIAF DIAFP DIAFPERIT FLU FLUID FLD BDY BDYFLD PAFL DRN DRAIN GASF BLDCO CORD CDM TISS SKBP SMN AMN DUFL MILK SWT
    122575003 119360007 309201001 168139001 258450006 119339001 418564007 119342007 119322003
""")  # urine, dialysate, peritoneal and pleural fluid, cerebrospinal fluid, stool, cord blood, tissue ...
_OTHER_WORDS = _set("""
    urine ur ascites ascitic peritoneal dialysate effluent pleural csf cerebrospinal synovial joint fluid fld flu stool faeces
    feces fecal drain drainage saliva sputum sweat cord tissue swab biopsy skin aspirate pericardial amniotic bile gastric milk
""")
_BLOOD_WORDS = _set("blood serum plasma ser plas bld se sst")
_BESIDE_BLOOD = _set("""
    venous arterial capillary whole peripheral heparin heparinised heparinized lithium li sodium na k k2 k3 edta citrate citrated
    oxalate fluoride fasting random sample specimen substance acute convalescent gel separator or and pre post dialysis tube from
    with red yellow green gold top entire clotted unclotted line catheter cannula fistula graft access circuit
""")
_TUBES = {"edta": "EDTA", "k2edta": "EDTA", "k3edta": "EDTA", "citrate": "citrate", "citrated": "citrate", "oxalate": "oxalate",
          "fluoride": "oxalate"}  # fmt: skip


class Specimen(NamedTuple):
    """state: of SPECIMEN_STATES. tube: additive named ('EDTA', 'citrate', 'oxalate' for fluoride oxalate), or ''."""

    state: Literal["blood", "other", "unknown"]
    tube: str = ""


def specimen(text: str, mapping: Mapping) -> Specimen:
    """A specimen as the feed writes it: by its mapping, then as a code, then by its words."""
    if text in mapping.specimens:
        meant = mapping.specimens[text]
        return Specimen("blood") if meant == "blood" else Specimen("other")
    if text.strip().upper() in _BLOOD:
        return Specimen("blood")
    if text.strip().upper() in _OTHER:
        return Specimen("other")
    words = re.findall(r"[^\W\d_]+[0-9]?[^\W\d_]*", text.casefold())
    if _OTHER_WORDS & set(words):
        return Specimen("other")
    tube = next((_TUBES[word] for word in words if word in _TUBES), "")
    known = bool(words) and set(words) <= _BLOOD_WORDS | _BESIDE_BLOOD | set(_TUBES)
    return Specimen("blood", tube) if known and (tube or _BLOOD_WORDS & set(words)) else Specimen("unknown")


_DAMAGE = (  # in order of what spoils most
    ("contaminated", r"contaminat\w*|\bCON\b|drip arm"),
    ("haemolysed", r"ha?emoly[sz]\w*|\bhemol\b|\bhaemol\b|\bHEM\b"),
    ("clotted", r"\bclotted\b(?!\s+blood)|\bclots?\b|\bCLOT\b"),  # clotted blood is what serum is made of
    ("delayed", r"delayed separation|separation delayed|delay in separation|late separation|old sample|not separated"),
    ("lipaemic", r"lipa?emi[ac]|\bLIP\b"),
    ("icteric", r"icteric|icterus|\bICT\b"),
)
_DENIED = re.compile(
    r"\b(?:no|not|non|without|nil|free of|absence of|negative for|un)\b[\s-]*(?:\w+\s+){0,2}$", re.IGNORECASE
)
_NONE_AFTER = re.compile(
    r"\s*(?:index)?\s*(?:[:=]|was|is)?\s*(?:none|nil|neg\w*|absent|normal|not (?:detected|present|seen)|0)\b", re.IGNORECASE
)
# An index is measured on every sample: of haemolysis, icterus and lipaemia only words count, and grades (2+)
_INDEX = re.compile(r"[\s:=<>]*(?:ind(?:ex|ices)\b)?[\s:=<>]*(?:is|was|of)?[\s:=<>]*[0-9]+(?!\s*\+|[0-9])", re.IGNORECASE)
_INDEXED = ("haemolysed", "icteric", "lipaemic")
_CODES = re.compile(r"\b(?:CON|HEM|CLOT|LIP|ICT)\b")


def condition(text: str, mapping: Mapping) -> str:
    """Which of CONDITIONS a specimen's condition or a comment names, '' none. 'Not haemolysed' names none.

    The feed's own words are looked for first: as the whole text, or as one of its parts between bars or semicolons.
    """
    clauses = [clause.strip() for clause in re.split(r"[|;,.\n]", text)]
    for clause in (text.strip(), *clauses):
        if clause in mapping.conditions:
            return mapping.conditions[clause]
    named = {name for clause in clauses for name in _named(clause)}
    return next((name for name, _ in _DAMAGE if name in named), "")


def _named(clause: str) -> list[str]:
    found = []
    for name, pattern in _DAMAGE:
        for match in re.finditer(pattern, clause, re.IGNORECASE):
            if match[0].isupper() or not _CODES.fullmatch(match[0].upper()) or name == "clotted":  # 'con' is no code
                before, after = clause[: match.start()], clause[match.end() :]
                index = name in _INDEXED and not match[0].casefold().endswith("ed") and _INDEX.match(after)
                if name == "delayed" or not (_DENIED.search(before) or _NONE_AFTER.match(after) or index):
                    found.append(name)
    return found


_TIMING = {
    **dict.fromkeys(("pre", "pre dialysis", "predialysis", "before", "pre hd"), int(Flag.PRE_DIALYSIS)),
    **dict.fromkeys(("post", "post dialysis", "postdialysis", "after", "post hd"), int(Flag.POST_DIALYSIS)),
    "unknown": 0,
}
_TIMING_OURS = {"pre": int(Flag.PRE_DIALYSIS), "post": int(Flag.POST_DIALYSIS), "unknown": 0}


def timing(text: str, mapping: Mapping) -> int | None:
    """Flag of records for a draw before or after dialysis, 0 for 'unknown'; None when nobody knows the word."""
    if text in mapping.timings:
        return _TIMING_OURS[mapping.timings[text]]
    return _TIMING.get(_spaced(text))


# Emergency and short stays count as inpatient: their draws are not the monthly bloods of a patient at home.
_INPATIENT = _set("inpatient inp in i imp acute nonac ward hospital e emer emergency obsenc ss p")
_OUTPATIENT = _set("outpatient outp out o amb ambulatory r recurring hh vr clinic dialysis satellite home n u unknown")


def location(text: str, mapping: Mapping) -> int | None:
    """Flag INPATIENT or 0 for an outpatient; None when nobody knows the word."""
    word = mapping.locations.get(text, text.strip().casefold())
    return int(Flag.INPATIENT) if word in _INPATIENT else 0 if word in _OUTPATIENT else None


def _spaced(text: str) -> str:
    return " ".join(text.casefold().replace("-", " ").replace("_", " ").split())
