"""What a card with details shows of one patient: read where a leave holds, and put into printable parts. Pure but for `read`.

Values stand in the unit they were reported in, as known when the evidence was judged; no more than six of a measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from monitors.config import Config
from monitors.database import sql
from monitors.delivery.words import clean, instant
from monitors.records import Flag, Severity, local_day, rank
from monitors.rules import words as rule_words
from monitors.rules.breaches import Breach, UpperLimit
from monitors.rules.clauses import clear_words
from monitors.rules.model import Analyte, Rule
from monitors.units import round6

MOST = 6  # values of a measure
ALWAYS = ("phosphate", "calcium", "pth")  # shown beside what the rules used
MARKS = {Flag.POST_DIALYSIS: "after dialysis", Flag.PRE_DIALYSIS: "before dialysis", Flag.INPATIENT: "in hospital",
         Flag.PRELIMINARY: "preliminary"}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """One value in the unit it was reported in. day: of the unit's calendar."""

    at: datetime
    day: date
    number: float
    unit: str
    comparator: str = ""
    marks: tuple[str, ...] = ()
    assay: str = ""
    derived: bool = False

    @property
    def text(self) -> str:
        return f"{self.comparator}{self.number:.4g}" if self.derived else f"{self.comparator}{self.number:g}"


@dataclass(frozen=True)
class Measured:
    """One measure, newest value first. low, high: beyond them a rule raises, in the newest value's unit; None where none does."""

    name: str
    title: str
    values: tuple[Value, ...]
    low: float | None = None
    high: float | None = None

    @property
    def unit(self) -> str:
        return self.values[0].unit


@dataclass(frozen=True)
class Drug:
    text: str
    since: date | None
    until: date | None


@dataclass(frozen=True)
class Why:
    """One rule of the episode. clears, questions: empty where the rule was changed since."""

    rule: str
    title: str
    severity: str
    sentence: str
    since: date | None
    clears: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Detail:
    """Everything a card may show. leave: the number of what allowed it, through `until`; evidence: the change it rests on."""

    leave: int
    evidence: int
    until: date | None
    name: str
    born: date | None
    number: str
    authority: str
    schedule: str
    clinician: str
    whys: tuple[Why, ...]
    measured: tuple[Measured, ...]
    drugs: tuple[Drug, ...]
    list_date: date | None
    unknown: tuple[str, ...]

    @property
    def identified(self) -> bool:
        """Whether two identifiers are there: without them nobody judges from the card (hazard 6)."""
        return bool(self.number) and bool(self.name or self.born)


def read(connection: Connection, outbox_id: int, place: str, now: datetime) -> Mapping[str, Any] | None:
    """The raw parts for a claimed message; None where no leave holds, or there is no evidence to show."""
    found = connection.execute(sql("deliver/detail"), {"outbox_id": outbox_id, "now": now, "place": place}).scalar_one()
    return found if isinstance(found, Mapping) else None


def detail_of(row: Mapping[str, Any], content: Mapping[str, Any], config: Config, until: date | None = None) -> Detail:
    """The parts of `read` made printable. content: of the message; its zone is the unit's. until: the last day of the leave."""
    zone = str(content.get("zone") or "UTC")
    versions = {one["id"]: one.get("version") for one in content.get("rules") or [] if isinstance(one, Mapping) and "id" in one}
    rules = {rule.id: rule for rule in config.rules}
    limbs = [limb for limb in row["limbs"] if limb["outcome"] in ("firing", "holding")] or list(row["limbs"])
    limbs.sort(key=lambda limb: -rank(Severity(limb["severity"])))
    facts = [limb["facts"] or {} for limb in limbs]
    patient, place = row["patient"] or {}, row["place"] or {}
    name = ", ".join(clean(patient[part]) for part in ("family_name", "given_name") if patient.get(part))
    vka = any("vka" in drug["classes"] and not drug["stopped"] and not drug["until"] for drug in row["drugs"])
    unknown = dict.fromkeys(rule_words.measure(str(code)) for fact in facts for code in fact.get("unknown") or ())
    if any(Flag.ZONE_ASSUMED in Flag(result["flags"]) for result in row["results"]):
        unknown["the time zone of some results: that of their feed was taken"] = None
    return Detail(
        leave=int(row["leave"]), evidence=int(row["evidence"]), until=until, name=name, born=_day(patient.get("born")),
        number=clean(patient.get("number") or ""), authority=clean(patient.get("authority") or ""),
        schedule=clean(place.get("schedule") or "", 40), clinician=clean(place.get("clinician") or "", 60),
        whys=tuple(_why(limb, rules, versions, config, zone) for limb in limbs),
        measured=tuple(_measured(row["results"], limbs, rules, config.analytes, zone)),
        drugs=tuple(_drug(drug) for drug in row["drugs"] if not drug["stopped"] or drug["until"]),
        list_date=_day(row["list_date"]),
        unknown=(*(["what the vitamin K antagonist is for"] if vka else []), *unknown),
    )  # fmt: skip


def _why(limb: Mapping[str, Any], rules: Mapping[str, Rule], versions: Mapping[str, Any], config: Config, zone: str) -> Why:
    rule = rules.get(limb["rule"])
    same = rule is not None and versions.get(rule.id, rule.version) == rule.version
    clears: dict[str, None] = {}
    if rule is not None and same:
        words = rule_words.Words(config.analytes, config.drugs, rules)
        for signal in rule.signals:
            if signal.mode == "live":
                name = rule_words.measure(signal.measure) if signal.measure else signal.name.replace("_", " ")
                clear = f"{words.rule(signal.rule)} has cleared" if signal.rule else clear_words(signal, rule, words)
                clears[f"{name}: {rule_words.pretty(clear)}"] = None
    since = instant(limb["since"])
    return Why(
        clean(limb["rule"], 8), rule.title if rule else "a rule that is no longer here", str(Severity(limb["severity"])),
        rule_words.pretty(str(limb["sentence"] or "")), local_day(since, zone) if since else None,
        tuple(clears), tuple(rule.questions) if rule is not None and same else (),
    )  # fmt: skip


def _measured(
    results: Sequence[Mapping[str, Any]], limbs: Sequence[Mapping[str, Any]], rules: Mapping[str, Rule],
    analytes: Mapping[str, Analyte], zone: str,
) -> Iterable[Measured]:  # fmt: skip
    """The measures the rules used, and phosphate, calcium and PTH, each where there is a value."""
    numbered = {analyte.number: (name, analyte) for name, analyte in analytes.items()}
    raw: dict[str, list[Value]] = {}
    upper: dict[str, float | None] = {}
    for result in results:
        if result["analyte"] in numbered:
            name, analyte = numbered[result["analyte"]]
            raw.setdefault(name, []).append(_value(result, analyte, zone))
            upper[name] = result["upper_limit"]
    used: dict[str, dict[datetime, Value]] = {}
    for limb in limbs:
        for item in limb["evidence"] or ():
            if item["analyte"] not in analytes and (at := instant(item["collected_at"])) is not None:
                value = Value(at, local_day(at, zone), item["value"], rule_words.unit(item["unit"]), item["comparator"],
                              derived=True)  # fmt: skip
                used.setdefault(item["analyte"], {})[at] = value
            elif item["analyte"] in raw:
                used.setdefault(item["analyte"], {})
    for name in dict.fromkeys([*(name for name in ALWAYS if name in raw), *used]):
        values = raw.get(name) or sorted(used[name].values(), key=lambda value: value.at)
        if not values:
            continue
        known = analytes.get(name)
        title = known.title if known else rule_words.measure(name)
        low, high = _limits(name, rules.values(), values[-1], known, upper.get(name))
        yield Measured(name, title[:1].upper() + title[1:], tuple(reversed(values[-MOST:])), low, high)


def _value(result: Mapping[str, Any], analyte: Analyte, zone: str) -> Value:
    at = instant(result["at"])
    assert at is not None
    flags = Flag(result["flags"])
    number = round6(result["value"] * analyte.to_si) if Flag.SI in flags else float(result["value"])
    marks = tuple(words for flag, words in MARKS.items() if flag in flags)
    return Value(at, local_day(at, zone), number, rule_words.unit(analyte.si if Flag.SI in flags else analyte.conventional),
                 clean(result["comparator"] or "", 2), marks, clean(result["assay"] or "", 30))  # fmt: skip


def _limits(
    name: str, rules: Iterable[Rule], newest: Value, analyte: Analyte | None, upper_limit: float | None
) -> tuple[float | None, float | None]:
    """Between which no rule raises for this measure, in the unit of its newest value."""
    if analyte is None:
        return None, None
    si = newest.unit == rule_words.unit(analyte.si) and analyte.si != analyte.conventional
    low: list[float] = []
    high: list[float] = []
    for rule in rules:
        breach = None if rule.shadow else rule.measures.get(name)
        if breach is not None and breach.mean is None:
            (high if breach.comparison in ("above", "at_least") else low).append(_number(breach, analyte, si, upper_limit))
    return max(low, default=None), min(high, default=None)


def _number(breach: Breach, analyte: Analyte, si: bool, upper_limit: float | None) -> float:
    limit = breach.limit
    if isinstance(limit, UpperLimit):
        if upper_limit is None:
            limit = limit.otherwise
        else:
            return round6(limit.times * upper_limit * (analyte.to_si if si else 1.0))
    return limit.si if si else limit.conventional


def _drug(drug: Mapping[str, Any]) -> Drug:
    dose = clean(drug["dose"] or "", 40)
    text = clean(drug["text"], 60)
    return Drug(f"{text}, {dose}" if dose and dose not in text else text, _day(drug["since"]), _day(drug["until"]))


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None
