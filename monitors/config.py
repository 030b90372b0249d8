"""The configuration folder, validated once at start, cross-references included.

site.yaml feeds.yaml routes.yaml people.yaml analytes.yaml medications.yaml facts.yaml rules/*.yaml
Every error is a ConfigError: file, line, and the rule that was broken.
"""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from monitors import documents, hours, inputs, records, route_checks
from monitors.destinations import Destination, EmailDestination, SlackDestination
from monitors.documents import Document
from monitors.errors import ConfigError, UserError
from monitors.fact_model import Facts
from monitors.feed_model import FIELDS, STATUSES, Feed, Feeds, Mapping, Name, Zone
from monitors.human import SNOOZE_DAYS
from monitors.people import EVERYWHERE, People, Person
from monitors.records import Severity
from monitors.reopening import WORSE_BY, Endings
from monitors.routes import Routes
from monitors.routing import Route
from monitors.rule_status import CYCLE_DAYS
from monitors.rules.load import MEDICATIONS, parse_rules
from monitors.rules.model import Analyte, Analytes, Drugs, Rule

T = TypeVar("T", bound=BaseModel)


# ---------------------------------------------------------------------------------------------- site.yaml
class UnitModel(Document):
    """One dialysis unit. cutoff: local time at which its night's evidence ends."""

    code: Name
    name: str
    zone: Zone
    cutoff: dt.time = dt.time(4, 0)
    shifts: list[dt.time] = Field([], description="local times its shifts begin; its morning list is due before the first")
    list_ahead_minutes: int = Field(45, ge=0, le=720, description="so long before that")
    deadline: dt.time = Field(dt.time(6, 0), description="local time its morning list is due, where no shifts are named")
    list_from: dt.time | None = Field(None, description="local time the list is held until, if the night ends sooner")
    lab_cycle_days: int = Field(
        CYCLE_DAYS, ge=1, description="length of its laboratory cycle: a rule is silent for two of them after it went live"
    )

    @model_validator(mode="after")
    def _held_no_longer_than_a_night(self) -> UnitModel:
        if self.list_from is not None:
            due = self.list_due(dt.date(2026, 1, 15))
            if due - hours.held_until(self.list_from, self.zone, due) > dt.timedelta(hours=12):
                raise ValueError("list_from lies after the time the morning list is due: it would come late every day")
        return self

    def record(self) -> records.Unit:
        return records.Unit(self.code, self.name, self.zone, self.cutoff)

    def list_due(self, night: dt.date) -> dt.datetime:
        """When the morning list of a night has to be there: before the first shift, else at the deadline."""
        if not self.shifts:
            return hours.due(night, self.deadline, self.zone)
        return hours.due(night, min(self.shifts), self.zone, dt.timedelta(minutes=self.list_ahead_minutes))

    def list_held(self, night: dt.date, now: dt.datetime) -> dt.datetime | None:
        """Until when a list that is made now is held; None: it goes at once."""
        if self.list_from is None:
            return None
        held = hours.held_until(self.list_from, self.zone, self.list_due(night))
        return held if held > now else None


class HistoryModel(Document):
    """Where checkpoints of the ledger are kept: folders or fsspec addresses that whoever runs the database cannot rewrite."""

    checkpoints: list[str] = []
    keep_days: int = Field(0, ge=0, description="for so long after the last result a patient may not be erased")


class Site(Document):
    """What is true of the whole site."""

    name: str
    base: str | None = Field(None, description="folder that what a site leaves out comes from; its own are site, feeds, routes")
    link: str = Field(pattern=r"^https?://", description="where messages link to; the alert's ref is appended")
    mail_domain: str = Field(description="right-hand side of Message-ID")
    archive: str | None = Field(None, description="fsspec URL of the raw archive; default: archive in NEPHROWATCH_HOME")
    history: HistoryModel = HistoryModel()
    calcium_basis: Literal["measured", "adjusted"] = "measured"
    no_feed_of: list[str] = Field([], description=(
        "inputs of rules this site has no feed of, 'alt' or 'fact:session', besides those that no feed can bring"))
    shard_rows: int = Field(500_000, ge=1, description="results a shard holds at most")
    active_days: int = Field(400, ge=1, description="without a census, a patient counts for so long after a draw")
    acknowledge_hours: dict[Severity, int] = {Severity.CRITICAL: 1, Severity.HIGH: 10, Severity.WARNING: 168}
    snooze_days: dict[Severity, int] = Field(SNOOZE_DAYS, description="the longest a person may snooze an episode")
    acknowledged_days: dict[Severity, Annotated[int, Field(ge=1)]] = Field(
        {Severity.CRITICAL: 2, Severity.HIGH: 30, Severity.WARNING: 60},
        description="an acknowledged episode that still fires after so long is open again")  # fmt: skip
    dismissed_days: int = Field(90, ge=1, description="a dismissal ends after so long")
    outcome_days: int = Field(7, ge=1, description="so long after an acknowledgement the morning list asks what came of it")
    storm_limit: int = Field(20, ge=1, description=(
        "more alerts than this of one unit in a night, to one destination, become one message; CRITICAL ones never do"))
    silence_days: int = Field(7, ge=1, description="the longest a person may ask for silence about some alerts")
    worse_by: dict[str, Annotated[float, Field(gt=0)]] = Field(WORSE_BY, description=(
        "what ends a snooze, a dismissal or an acknowledgement: a value of the measure further beyond the limit that raised it, "
        "by so large a share of that limit; 'other' for a measure not named"))
    units: list[UnitModel] = Field(min_length=1)

    @model_validator(mode="after")
    def _units_differ(self) -> Site:
        codes = [unit.code for unit in self.units]
        if twice := {code for code in codes if codes.count(code) > 1}:
            raise ValueError(f"unit {sorted(twice)[0]} is listed twice")
        return self

    @property
    def endings(self) -> Endings:
        """How long what people say of an episode holds here; what a site leaves out is as shipped."""
        days = {**Endings().acknowledged_days, **self.acknowledged_days}
        return Endings(days, self.dismissed_days, {**WORSE_BY, **self.worse_by})

    def unit(self, code: str) -> records.Unit:
        return next(unit.record() for unit in self.units if unit.code == code)


# --------------------------------------------------------------------------------------------- the whole
class Config(Document):
    """Everything a site edits, checked against itself."""

    folder: Path
    site: Site
    feeds: dict[str, Feed]
    routes: Routes
    people: People
    analytes: dict[str, Analyte]
    drugs: Drugs
    facts: Facts
    rules: tuple[Rule, ...]
    ruleset: str = Field(description="hash of everything judging reads")
    ruleset_body: str = Field(description="the canonical text that was hashed")

    @property
    def site_body(self) -> str:
        """What deciding reads of the site and its routes, as text: what a judgement keeps, to be decided again as of then."""
        return SiteBody(site=self.site, routes=self.routes).model_dump_json(by_alias=True)

    def at(self, body: str) -> Config:
        """The same with the site and routes of a kept `site_body`."""
        then = SiteBody.model_validate_json(body)
        return self.model_copy(update={"site": then.site, "routes": then.routes})


ENGINE = 3  # raise when judging, or deciding, the same data under the same rules would answer differently


def load(folder: Path) -> Config:
    """Read and check a configuration folder. Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(str(folder), 0, "there is no such configuration folder; set NEPHROWATCH_CONFIG")
    site, site_text = _read(folder / "site.yaml", Site)
    feeds, feeds_text = _read(folder / "feeds.yaml", Feeds)
    routes, routes_text = _read(folder / "routes.yaml", Routes)
    base = folder / site.base if site.base else folder
    people_file = _own_or_base(folder, base, "people.yaml")
    people, people_text = _read(people_file, People)
    analytes, _ = _read(_own_or_base(folder, base, "analytes.yaml"), Analytes)
    drugs, _ = _read(_own_or_base(folder, base, "medications.yaml"), Drugs)
    facts, _ = _read(_own_or_base(folder, base, "facts.yaml"), Facts)
    rules_folder = _own_or_base(folder, base, "rules")
    texts = {str(path): _text(path) for path in sorted(rules_folder.glob("*.yaml"))}
    if not texts:
        raise ConfigError(str(rules_folder), 0, "no rule is here; a site without rules would watch nothing")
    own_limits = _own_or_base(folder, base, "overrides.yaml")
    overrides = (str(own_limits), _text(own_limits)) if own_limits.exists() else None
    rules = parse_rules(texts, analytes.analytes, drugs, overrides, facts.facts)
    _check_feeds(folder / "feeds.yaml", feeds_text, feeds, site, analytes, facts)
    route_checks.check(folder / "routes.yaml", routes_text, routes, [unit.code for unit in site.units], rules, feeds.feeds)
    _check_people(people_file, people_text, people, site)
    _check_inputs(folder / "site.yaml", site_text, site, analytes, facts)
    lacking = inputs.lacking(rules, feeds.feeds.values(), analytes.analytes, site.no_feed_of)
    body = ruleset_body(rules, analytes, drugs, site.calcium_basis, lacking)
    return Config(
        folder=folder, site=site, feeds=dict(feeds.feeds), routes=routes, people=people,
        analytes=analytes.analytes, drugs=drugs, facts=facts, rules=rules,
        ruleset=hash_of(body), ruleset_body=body,
    )  # fmt: skip


def people_now(config: Config) -> People:
    """people.yaml as it stands at this moment, for whoever runs for weeks. Raises ConfigError."""
    base = config.folder / config.site.base if config.site.base else config.folder
    path = _own_or_base(config.folder, base, "people.yaml")
    people, text = _read(path, People)
    _check_people(path, text, people, config.site)
    return people


def hash_of(body: str) -> str:
    """The name a rule set or a site is kept under."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def ruleset_body(rules: tuple[Rule, ...], analytes: Analytes, drugs: Drugs, calcium_basis: str, lacking: list[str]) -> str:
    """Everything judge reads, as canonical JSON text: what `ruleset` is the hash of."""
    return RulesetBody(
        engine=ENGINE, calcium_basis=calcium_basis, lacking=lacking, rules=rules, analytes=analytes, drugs=drugs
    ).model_dump_json(by_alias=True)


def rules_from(config: Config, path: Path) -> RulesetBody:
    """The rule set of a folder of rules, or of today's rules with the one of a file in its place; the rest as it is today.

    Raises ConfigError, and UserError where there is nothing.
    """
    site = config.site
    base = config.folder / site.base if site.base else config.folder
    if path.is_dir():
        texts = {str(found): _text(found) for found in sorted(path.glob("*.yaml"))}
    elif path.is_file():
        rule = documents.parse(_text(path), str(path), Rule).id
        texts = {str(found): _text(found) for found in sorted(_own_or_base(config.folder, base, "rules").glob("*.yaml"))}
        texts = {name: text for name, text in texts.items() if documents.parse(text, name, Rule).id != rule}
        texts[str(path)] = _text(path)
    else:
        raise UserError(f"{path} is neither a folder of rules nor a rule file.")
    if not texts:
        raise UserError(f"{path} holds no rule (*.yaml).")
    own_limits = _own_or_base(config.folder, base, "overrides.yaml")
    overrides = (str(own_limits), _text(own_limits)) if own_limits.exists() else None
    body = RulesetBody.model_validate_json(config.ruleset_body)
    return body.model_copy(update={"rules": parse_rules(texts, config.analytes, config.drugs, overrides, config.facts.facts)})


class SiteBody(Document):
    """The site and its routes as they were. Holds names of secrets, never a secret."""

    site: Site
    routes: Routes


class RulesetBody(Document):
    """What a stored rule set holds; read back with model_validate_json to judge as of then."""

    engine: int
    calcium_basis: str
    lacking: list[str] = []
    rules: tuple[Rule, ...]
    analytes: Analytes
    drugs: Drugs


def _own_or_base(folder: Path, base: Path, name: str) -> Path:
    return folder / name if (folder / name).exists() else base / name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), 0, "the file is missing") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(str(path), 0, f"the file cannot be read: {problem}") from None


def _read(path: Path, model: type[T]) -> tuple[T, str]:
    text = _text(path)
    return documents.parse(text, str(path), model), text


def _check_feeds(path: Path, text: str, feeds: Feeds, site: Site, analytes: Analytes, facts: Facts) -> None:
    units = {unit.code for unit in site.units}
    spellings = analytes.spellings()
    owners = {code: analyte for analyte, described in analytes.analytes.items() for code in described.codes}
    for name, feed in feeds.feeds.items():
        if feed.unit is not None and feed.unit not in units:
            line = documents.line_in(text, "feeds", name, "unit")
            raise ConfigError(str(path), line, f"feed {name}: unit '{feed.unit}' is not in site.yaml")
        for place, unit in feed.mapping.places.items():
            if unit not in units:
                line = documents.line_in(text, "feeds", name, "mapping", "places", place)
                raise ConfigError(str(path), line, f"feed {name}: place '{place}' is unit '{unit}', which is not in site.yaml")
        says = feed.mapping.places or {"unit"} & {*feed.mapping.columns, *feed.mapping.constants}
        if feed.unit is None and not says and feed.takes() != ("links",):
            line = documents.line_in(text, "feeds", name)
            raise ConfigError(str(path), line, f"feed {name}: neither the feed nor its mapping says which unit")
        for code, meant in feed.valid_codes().items():
            if (analyte := meant.analyte) not in analytes.analytes:
                line = documents.line_in(text, "feeds", name, "mapping", "codes", code)
                raise ConfigError(str(path), line, f"feed {name}: analyte '{analyte}' is not in analytes.yaml")
            if (owner := owners.get(code, analyte)) != analyte:
                line = documents.line_in(text, "feeds", name, "mapping", "codes", code)
                raise ConfigError(str(path), line, f"feed {name}: LOINC code {code} is mapped to {analyte}; it means {owner}")
        for spelling, ucum in feed.mapping.units.items():
            if ucum not in spellings:
                line = documents.line_in(text, "feeds", name, "mapping", "units", spelling)
                raise ConfigError(str(path), line, f"feed {name}: unit '{ucum}' is not in analytes.yaml")
        for code, concept in feed.mapping.facts.items():
            if concept not in facts.facts:
                line = documents.line_in(text, "feeds", name, "mapping", "facts", code)
                near = difflib.get_close_matches(concept, facts.facts, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ConfigError(str(path), line, f"feed {name}: fact '{concept}' is not in facts.yaml{hint}")
        for unit in feed.deadline.units if feed.deadline else ():
            if unit not in units:
                line = documents.line_in(text, "feeds", name, "deadline", "units", unit)
                raise ConfigError(str(path), line, f"feed {name}: deadline of unit '{unit}', which is not in site.yaml")
        for keys, why in feed.unread():
            raise ConfigError(str(path), documents.line_in(text, "feeds", name, *keys), f"feed {name}: {'.'.join(keys)} {why}")


def _check_people(path: Path, text: str, people: People, site: Site) -> None:
    units = {unit.code for unit in site.units} | {EVERYWHERE}
    for number, person in enumerate(people.people):
        for unit in person.units:
            if unit not in units and not site.base:  # a site that borrows another's people keeps those of its units
                line = documents.line_in(text, "people", number, "units")
                raise ConfigError(str(path), line, f"{person.name}: unit '{unit}' is not in site.yaml")


def _check_inputs(path: Path, text: str, site: Site, analytes: Analytes, facts: Facts) -> None:
    known = {MEDICATIONS, *analytes.analytes, *(f"fact:{concept}" for concept in facts.facts)}
    for number, name in enumerate(site.no_feed_of):
        if name not in known:
            line = documents.line_in(text, "no_feed_of", number)
            raise ConfigError(str(path), line, f"no_feed_of: '{name}' is no analyte, no 'fact:' of facts.yaml, not 'medications'")


__all__ = [
    "FIELDS", "STATUSES", "Config", "Destination", "EmailDestination", "Feed", "Mapping", "People", "Person", "Route", "Routes",
    "SlackDestination",
    "load",
]  # fmt: skip
