"""What `feeds.yaml` may say: where a source puts its data, in which format, and what its words mean.

One description for three formats: CSV files (one kind of row each), HL7 v2 messages and FHIR R4 resources (several
kinds in one file). docs/feeds.md explains every key to the person who writes it.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator, model_validator

from monitors.documents import Document


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is not an IANA time zone, like Europe/London") from None
    return name


def _date_format(text: str) -> str:
    try:
        moment = dt.datetime(2026, 4, 15, 7, 30, tzinfo=dt.UTC)
        dt.datetime.strptime(moment.strftime(text), text)  # noqa: DTZ007  (the format is tried, not the time)
    except ValueError:
        raise ValueError(f"'{text}' is not a date format Python knows, like %Y-%m-%d") from None
    return text


Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Kind = Literal["labs", "medications", "census", "facts", "links"]
KINDS: tuple[Kind, ...] = ("labs", "medications", "census", "facts", "links")

PERSON = {"date_of_birth", "family_name", "given_name", "sex", "second_identifier"}
FIELDS: dict[str, tuple[set[str], set[str]]] = {  # kind -> (fields a mapping must give, fields it may give)
    "labs": (
        {"patient", "collected_at", "code", "value"},
        {"unit_text", "status", "issued_at", "accession", "specimen", "condition", "assay", "upper_limit", "reference_range",
         "abnormal", "timing", "location", "comment", "unit", "value_fallback", "sub_id", "unit_beside"} | PERSON,
    ),
    "medications": (
        {"patient", "drug"},
        {"order", "started_on", "ended_on", "days_supply", "listed_on", "dose", "status", "unit"} | PERSON,
    ),
    "census": (
        {"patient", "effective_on"},
        {"unit", "status", "modality", "schedule", "clinician", "location"} | PERSON,
    ),
    "facts": (
        {"patient", "fact", "happened_on"},
        {"code", "text", "value", "unit_text", "ended_on", "status", "unit"} | PERSON,
    ),
    "links": ({"patient", "merged_patient", "effective_at"}, {"action"}),
}  # fmt: skip

STATUSES: dict[str, tuple[str, ...]] = {  # the first is what nothing written means
    "labs": ("final", "preliminary", "corrected", "amended", "cancelled", "wrong", "deleted", "entered-in-error"),
    "medications": ("active", "stopped", "cancelled"),
    "census": ("active", "admitted", "transplanted", "transferred", "died"),
    "facts": ("final", "entered-in-error"),
    "links": ("final",),
}


# Which settings of a mapping speak of which kinds of rows; those not named here speak of all.
SPEAKS_OF: dict[str, set[Kind]] = {
    "wide": {"labs"}, "codes": {"labs"}, "excluded": {"labs"}, "specimens": {"labs"}, "conditions": {"labs"}, "timings": {"labs"},
    "locations": {"labs"}, "units": {"labs", "facts"}, "not_monitored": {"labs", "facts"}, "decimal": {"labs", "facts"},
    "less_than": {"labs"}, "more_than": {"labs"}, "facts": {"facts"},
}  # fmt: skip
CSV_ONLY = ("encoding", "delimiter", "trailing_delimiter")
ESCAPING = {"utf-7", "u7", "unicode-escape", "raw-unicode-escape", "idna", "punycode"}  # text made of other text
SECRET_OPTIONS = {"secret", "token", "password", "passphrase", "pkey", "client_secret", "secret_key", "account_key", "sas_token"}


class Gate(Document):
    """When a whole file is held instead of its rows being split."""

    max_bad_share: float = Field(0.3, ge=0, le=1, description="share of quarantined rows that holds the file")
    min_share_rows: int = Field(20, ge=1, description="a smaller file is never held for its share")
    min_rows: int = Field(1, ge=0)


class Caps(Document):
    """Beyond these a file is refused before it is read into memory."""

    bytes: int = Field(256 * 1024 * 1024, ge=1, description="largest file, and largest content of a packed one")
    ratio: int = Field(200, ge=1, description="unpacked bytes per packed byte; contents below 1 MiB are never bombs")
    depth: int = Field(1, ge=0, description="packings around a content: 1 takes a packed file, 2 one in another")
    members: int = Field(100, ge=1, description="files inside one zip, at all levels together")


class Ready(Document):
    """When a file is no longer being written. Its last change is `settled_seconds` old; with `sidecar`, a file of the
    same name plus that ending lies beside it and holds its checksum. Either way its size must stay while it is read."""

    settled_seconds: int = Field(0, ge=0)
    sidecar: Literal[".sha256", ".md5", ""] = ""


class Storage(Document):
    """How a location is reached: the options of its fsspec file system (s3fs, sftp).

    options: what may be read by everyone (endpoint_url, host, port). secrets: option -> environment variable that
    holds it, or whose name plus _FILE names the file that does.
    """

    options: dict[str, str | int | bool | dict[str, str | int | bool]] = {}
    secrets: dict[str, Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]] = {}

    @model_validator(mode="after")
    def _no_secret_is_written_down(self) -> Storage:
        for name in self.options:
            if name in SECRET_OPTIONS:
                raise ValueError(f"storage: '{name}' is a secret; put the name of its environment variable under storage.secrets")
        if both := sorted(set(self.options) & set(self.secrets)):
            raise ValueError(f"storage: '{both[0]}' stands under options and under secrets")
        return self


class Deadline(Document):
    """When a feed counts as silent: nothing usable for `hours`, or fewer than `min_rows` usable rows within them.
    units: other floors for single units of a feed that serves several."""

    hours: int = Field(ge=1)
    min_rows: int = Field(1, ge=1)
    units: dict[str, int] = {}


class ValidCode(Document):
    """A code that meant something for a time only. first, last: days of collection, both included."""

    analyte: str
    first: dt.date | None = None
    last: dt.date | None = None


class WideColumn(Document):
    """One result column of a wide file: what it measures and in which unit. optional: files may come without it."""

    code: str
    unit_text: str = ""
    optional: bool = False


class Mapping(Document):
    """How a source's columns, segments or resources become fields.

    columns: field -> source column (csv). constants: field -> text for every row. wide: source column -> what it
    measures (csv, labs: one row a draw). codes: source code -> analyte name, or analyte with the days it was valid
    (labs). excluded: source code -> why it is kept out (a look-alike specimen). not_monitored: codes that are expected
    and not wanted; '*' means every code not named. units: the source's spelling -> UCUM. statuses: source status ->
    ours, by kind of feed (`STATUSES`). specimens: source specimen -> 'blood' or why it is kept out. conditions:
    source words for haemolysed | lipaemic | icteric | clotted | contaminated | delayed. timings: source word ->
    pre | post | unknown. locations: source word -> inpatient | outpatient. places: source location -> dialysis unit.
    facts: source code -> concept of facts.yaml. missing: texts that mean "nothing was written". dates: strptime formats,
    tried in order.
    """

    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    wide: dict[str, WideColumn] = {}
    codes: dict[str, str | ValidCode] = {}
    excluded: dict[str, str] = {}
    not_monitored: list[str] = []
    units: dict[str, str] = {}
    statuses: dict[str, str] = {}
    specimens: dict[str, str] = {}
    conditions: dict[str, Literal["haemolysed", "lipaemic", "icteric", "clotted", "contaminated", "delayed"]] = {}
    timings: dict[str, Literal["pre", "post", "unknown"]] = {}
    locations: dict[str, Literal["inpatient", "outpatient"]] = {}
    places: dict[str, str] = {}
    facts: dict[str, str] = {}
    missing: list[str] = [""]
    dates: list[Annotated[str, AfterValidator(_date_format)]] = Field(
        ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"], min_length=1
    )
    decimal: Literal[".", ","] = "."
    less_than: list[str] = Field(["<", "LESS THAN"], description="texts before a number that mean 'below'")
    more_than: list[str] = Field([">", "GREATER THAN"], description="texts before a number that mean 'above'")


class HL7Options(Document):
    """Where an HL7 v2 source writes what differs between sources.

    patient_authority, patient_type: assigning authority (CX-4) and type (CX-5) of the patient number among the
    repetitions of PID-3; '' takes the first repetition. second_authority: CX-4 (or CX-5) of the second identifier.
    accession: where the specimen's number stands, tried in order. charset: for messages whose MSH-18 says nothing.
    processing: MSH-11 of the messages to take (P production, T training, D debugging); [] takes any.
    """

    patient_authority: str = ""
    patient_type: str = ""
    second_authority: str = ""
    accession: list[Literal["SPM-2", "OBR-3", "OBR-2", "ORC-3"]] = ["SPM-2", "OBR-3"]
    charset: str = "utf-8"
    processing: list[Literal["P", "T", "D"]] = []
    patients_per_message: Literal["one", "several"] = Field("several", description=(
        "one: a second PID refuses the message, and orders that are all numbered 1 are taken; "
        "several: order and result numbers must rise, so that a lost PID is noticed"))


class FHIROptions(Document):
    """Which identifiers and code systems a FHIR source uses. patient_system: Identifier.system of the patient number
    ('' takes the resource id). second_system: of the second identifier. accession_system: of the accession
    ('' takes any). code_systems: Coding.system values whose codes `mapping.codes` speaks of, best first."""

    patient_system: str = ""
    second_system: str = ""
    accession_system: str = ""
    code_systems: list[str] = ["http://loinc.org", ""]
    base: str = Field("", description=(
        "address of the source's own server; absolute references that begin with it mean its resources; "
        "'' trusts only the addresses the file itself names"))
    specimens: Literal["needed", "optional"] = Field("needed", description=(
        "optional: a result whose Specimen cannot be found is taken without it: type and condition stay unknown"))


class Pull(Document):
    """A FHIR server that is asked, page by page, for what changed since it was asked last. The address is the feed's
    `location`. token_url, client_id, client_secret: OAuth2 client credentials; the last two name variables."""

    resources: list[str] = Field(min_length=1)
    page_size: int = Field(200, ge=1, le=5000)
    max_pages: int = Field(10_000, ge=1)
    overlap_seconds: int = Field(300, ge=0, description="asked again each time, for servers whose clock or index lags")
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scope: str = "system/*.read"
    attempts: int = Field(5, ge=1, le=20)


class Feed(Document):
    """One source of files, messages or resources."""

    kind: Kind | None = Field(None, description="what a CSV file's rows are")
    kinds: list[Kind] = Field([], description="which kinds are taken from HL7 v2 or FHIR; left out means all")
    format: Literal["csv", "hl7v2", "fhir"] = "csv"
    location: str = Field(description="folder, as an fsspec URL or a path relative to the configuration folder; or a FHIR server")
    pattern: str = "*.csv"
    laboratory: str = Field("", description="who issued the accessions (labs), or keeps the list (medications)")
    authority: str = Field(description="who assigned the patient numbers")
    second_authority: str = Field("", description="who assigned the second identifiers; without it they join nobody")
    unit: str | None = Field(None, description="the unit its rows belong to, where a row does not say")
    zone: Zone
    encoding: str = "utf-8-sig"
    delimiter: str = Field(",", pattern=r'^[\x01-\x09\x0b\x0c\x0e-\x1f !#-&*-,/:-@\[-`{-~]$', description="one ASCII sign")
    trailing_delimiter: bool = Field(False, description="rows end with a delimiter that the header lacks")
    unterminated: Literal["refuse", "take"] = Field("refuse", description=(
        "csv, hl7v2: a last line without a line end may be cut; take: this sender never ends its last line"))
    optional: bool = Field(False, description="no file yet is no reason for alarm")
    mapping: Mapping = Mapping()
    hl7v2: HL7Options = HL7Options()
    fhir: FHIROptions = FHIROptions()
    pull: Pull | None = None
    gate: Gate = Gate()
    caps: Caps = Caps()
    ready: Ready = Ready()
    storage: Storage = Storage()
    deadline: Deadline | None = None

    def takes(self) -> tuple[Kind, ...]:
        """The kinds of rows taken from this feed."""
        return (self.kind,) if self.kind is not None else tuple(self.kinds) or KINDS

    def valid_codes(self) -> dict[str, ValidCode]:
        """Every mapped code with the analyte it means and when."""
        return {
            code: meant if isinstance(meant, ValidCode) else ValidCode(analyte=meant)
            for code, meant in self.mapping.codes.items()
        }

    def unread(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(keys, why) of settings that are written down and that no part of this feed reads."""
        for name in CSV_ONLY if self.format != "csv" else ():
            if name in self.model_fields_set:
                yield (name,), f"is for csv; a {self.format} feed does not read it"
        for name in ("hl7v2", "fhir"):
            if name != self.format and name in self.model_fields_set:
                yield (name,), f"is not read by a {self.format} feed"
        if self.format == "fhir" and "unterminated" in self.model_fields_set:
            yield ("unterminated",), "is for csv and hl7v2: a FHIR line that parses is whole"
        written = self.mapping.model_fields_set
        if self.format == "csv" and "places" in written:
            yield ("mapping", "places"), "is for hl7v2 and fhir; a csv feed names the column of the unit under columns"
        takes = set(self.takes())
        for name, kinds in SPEAKS_OF.items():
            if name in written and not kinds & takes:
                yield ("mapping", name), f"speaks of {' and '.join(sorted(kinds))}, which this feed does not take"
        if self.format != "csv":
            of_a_row = PERSON | {"accession", "issued_at", "value_fallback", "sub_id"}
            fields = sorted(set().union(*(FIELDS[kind][1] for kind in takes)) - of_a_row)
            for name in sorted(set(self.mapping.constants) - set(fields)):
                why = f"cannot be a constant of a {self.format} feed; it may be {', '.join(fields)}"
                yield ("mapping", "constants", name), why

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, name: str) -> str:
        try:
            if "ä".encode(name, errors="replace") and name.lower().replace("_", "-") in ESCAPING:
                raise LookupError
        except (LookupError, UnicodeError):
            raise ValueError(f"'{name}' is not a text encoding Python knows, like utf-8-sig or latin-1") from None
        return name

    @model_validator(mode="after")
    def _format_fits(self) -> Feed:
        if self.format == "csv" and self.kind is None:
            raise ValueError("a csv feed needs 'kind': a file holds one kind of rows")
        if self.format == "csv" and self.kinds:
            raise ValueError("'kinds' is for hl7v2 and fhir; a csv feed has one 'kind'")
        if self.format != "csv" and self.kind is not None:
            raise ValueError(f"a {self.format} feed has 'kinds' (a list), not 'kind'")
        if self.format != "csv" and (self.mapping.columns or self.mapping.wide):
            raise ValueError(f"mapping.columns and mapping.wide are for csv; a {self.format} feed has its fields in fixed places")
        if self.pull and self.format != "fhir":
            raise ValueError("'pull' asks a FHIR server; it needs format: fhir")
        if self.mapping.wide and self.kind != "labs":
            raise ValueError("mapping.wide is for labs: one column a test")
        if both := sorted(set(self.mapping.wide) & set(self.mapping.columns.values())):
            raise ValueError(f"mapping: column '{both[0]}' stands under columns and under wide")
        told = {*self.mapping.codes, *self.mapping.excluded, *self.mapping.not_monitored}
        if lost := [wide.code for wide in self.mapping.wide.values() if wide.code not in told and "*" not in told]:
            raise ValueError(f"mapping.wide: code '{lost[0]}' stands neither under codes, excluded nor not_monitored")
        return self

    @model_validator(mode="after")
    def _pattern_stays_below_its_folder(self) -> Feed:
        if self.pattern.startswith("/") or ".." in self.pattern.split("/"):
            raise ValueError(f"pattern '{self.pattern}' leaves the feed's location; write it from there, like **/*.ndjson")
        return self

    @model_validator(mode="after")
    def _statuses_are_known(self) -> Feed:
        known = tuple(dict.fromkeys(word for kind in self.takes() for word in STATUSES[kind]))
        for word, ours in self.mapping.statuses.items():
            if ours not in known:
                near = difflib.get_close_matches(ours, known, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else f"; it is one of {', '.join(known)}"
                kind = self.kind or self.format
                raise ValueError(f"mapping: status '{word}' is mapped to '{ours}', which a {kind} feed does not have{hint}")
        if both := sorted(set(self.mapping.codes) & set(self.mapping.excluded)):
            raise ValueError(f"mapping: code '{both[0]}' stands under codes and under excluded")
        return self

    @model_validator(mode="after")
    def _fields_are_known(self) -> Feed:
        if self.kind is not None:
            must, may = FIELDS[self.kind]
            if self.mapping.wide:
                must = must - {"code", "value"}
                may = may - {"value_fallback"}
            given = set(self.mapping.columns) | set(self.mapping.constants)
            if unknown := sorted(given - must - may):
                raise ValueError(f"mapping gives '{unknown[0]}', which a {self.kind} feed does not have")
            if missing := sorted(must - given):
                raise ValueError(f"mapping does not say where '{missing[0]}' comes from")
        if "labs" in self.takes() and not self.laboratory:
            raise ValueError("a labs feed needs 'laboratory': results are identified within it")
        return self


class Feeds(Document):
    feeds: dict[Name, Feed] = Field(min_length=1)
