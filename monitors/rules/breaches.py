"""What a value must do to count: lie beyond a limit, persist, move. Every limit stands in both unit systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from monitors.documents import Document
from monitors.units import Limit

Comparison = Literal["above", "at_least", "below", "at_or_below"]
COMPARISONS: tuple[Comparison, ...] = ("above", "at_least", "below", "at_or_below")
_PAIR = {"type": "string", "pattern": r"^\s*-?\d+(\.\d+)?\s*\S+\s*\|\s*-?\d+(\.\d+)?\s*\S+\s*$",
         "description": "one limit in both unit systems, like '5.5 mg/dL | 1.78 mmol/L'"}  # fmt: skip


def _limit(value: Any) -> Limit:
    return value if isinstance(value, Limit) else Limit.parse(str(value))


LimitText = Annotated[
    Limit, BeforeValidator(_limit), PlainSerializer(str, return_type=str), WithJsonSchema(_PAIR, mode="validation")
]


class UpperLimit(Document):
    """A multiple of the assay's upper limit, with the limit to use where the assay states none."""

    times: float = Field(gt=0)
    otherwise: LimitText


def _either(value: Any) -> Any:
    return value if value is None or isinstance(value, Mapping | UpperLimit) else _limit(value)


def _written(value: Limit | UpperLimit | None) -> Any:
    return str(value) if isinstance(value, Limit) else value.model_dump() if value is not None else None


_MULTIPLE = {
    "type": "object", "additionalProperties": False, "required": ["times", "otherwise"],
    "properties": {"times": {"type": "number", "exclusiveMinimum": 0}, "otherwise": _PAIR},
}  # fmt: skip
LimitOrMultiple = Annotated[
    Limit | UpperLimit | None, BeforeValidator(_either), PlainSerializer(_written),
    WithJsonSchema({"anyOf": [_PAIR, _MULTIPLE, {"type": "null"}]}, mode="validation"),
]  # fmt: skip


class Mean(Document):
    """Mean of the exact (uncensored) values of the last `days`, over at least `values` of them."""

    days: int = Field(gt=0)
    values: int = Field(ge=1)


class Change(Document):
    """The newest value against the median of the up to `of` anchors before it (at least two, of the same assay, exact,
    none older than `within_days`). rise_percent and fall_percent are a log-symmetric pair where both are reference change
    values; steady_percent is met when it moved by no more than that."""

    rise_percent: float | None = Field(None, gt=0)
    fall_percent: float | None = Field(None, gt=0, lt=100)
    steady_percent: float | None = Field(None, gt=0)
    of: int = Field(3, ge=2, le=5)
    within_days: int = Field(270, ge=1)

    @model_validator(mode="after")
    def _moves_or_rests(self) -> Change:
        moves = self.rise_percent is not None or self.fall_percent is not None
        if moves == (self.steady_percent is not None):
            raise ValueError("give rise_percent and/or fall_percent, or steady_percent alone")
        return self


class Rises(Document):
    """`count` rises in a row over anchors of one assay, by `total_percent` in all, over at least `days`."""

    count: int = Field(3, ge=2, le=6)
    total_percent: float = Field(gt=0)
    days: int = Field(ge=1)


class Fall(Document):
    """The newest value lies at least `by` below some value of the last `days` (same unit system as reported)."""

    by: LimitText
    days: int = Field(ge=1)


class Breach(Document):
    """Values beyond a limit, or a movement of them: exactly one. but_below: not certainly at or above this (a range). mean:
    the rolling mean is compared instead of the value. anchors: how many anchors must breach, the latest among them; of: how many
    anchors are looked at (default: the same number)."""

    above: LimitOrMultiple = None
    at_least: LimitOrMultiple = None
    below: LimitOrMultiple = None
    at_or_below: LimitOrMultiple = None
    but_below: LimitOrMultiple = None
    mean: Mean | None = None
    change: Change | None = None
    rises: Rises | None = None
    fall: Fall | None = None
    anchors: int = Field(1, ge=1, le=3)
    of: int = Field(0, ge=0, le=3)

    @model_validator(mode="after")
    def _one_test(self) -> Breach:
        compares = [name for name in COMPARISONS if getattr(self, name) is not None]
        moves = [name for name in ("change", "rises", "fall") if getattr(self, name) is not None]
        if len(compares) + len(moves) != 1:
            raise ValueError("give exactly one of above, at_least, below, at_or_below, change, rises, fall")
        if self.of and self.of < self.anchors:
            raise ValueError(f"{self.anchors} of {self.of} anchors cannot be")
        if moves and (self.mean is not None or self.but_below is not None):
            raise ValueError(f"'{moves[0]}' compares values with each other: no mean, no but_below")
        if self.but_below is not None and compares[0] not in ("above", "at_least"):
            raise ValueError("but_below ends a range that begins with above or at_least")
        if self.mean is not None and (self.window > 1 or isinstance(self.limit, UpperLimit)):
            raise ValueError("a mean is one number against a limit in both unit systems")
        return self

    @property
    def compares(self) -> bool:
        return self.change is None and self.rises is None and self.fall is None

    @property
    def comparison(self) -> Comparison:
        return next((name for name in COMPARISONS if getattr(self, name) is not None), "at_or_below")

    @property
    def limit(self) -> Limit | UpperLimit:
        limit = getattr(self, self.comparison)
        assert isinstance(limit, Limit | UpperLimit)
        return limit

    @property
    def limits(self) -> tuple[Limit | UpperLimit, ...]:
        """Every limit it states, for checking units."""
        stated = (*(getattr(self, name) for name in COMPARISONS), self.but_below, self.fall and self.fall.by)
        return tuple(limit for limit in stated if isinstance(limit, Limit | UpperLimit))

    @property
    def window(self) -> int:
        return self.of or self.anchors

    @property
    def compared(self) -> int:
        """How many anchors, the newest among them, its answer rests on."""
        if self.change is not None:
            return self.change.of + 1
        return self.rises.count + 1 if self.rises is not None else self.window

    def beyond(self, value: float, unit: str) -> float:
        """How far a value lies beyond the limit, as a share of it: the same in either unit system; below 0 on the good side.
        Of a multiple of an assay's upper limit, by the limit it takes where the assay states none."""
        limit = self.limit.otherwise if isinstance(self.limit, UpperLimit) else self.limit
        share = value / (limit.si if unit == limit.si_unit else limit.conventional) - 1
        return share if self.comparison in ("above", "at_least") else -share


class Anchors(Document):
    """Which draws count for persistence: the latest, then the newest at least `apart_days` earlier, and so
    on; a gap of more than `gap_days` ends the chain. lookback_days: how far back the fold reads."""

    apart_days: int = Field(18, ge=1)
    gap_days: int = Field(75, ge=1)
    lookback_days: int = Field(400, ge=30)


def overlap(raises: Breach, clears: Breach) -> bool:
    """Whether one value could both raise and clear, as far as the limits alone tell.

    Judged only where both compare the same thing (the value, or the same mean) with limits of one kind.
    """
    if raises.change is not None and clears.change is not None:
        steady = clears.change.steady_percent or 0
        moved = min(raises.change.rise_percent or 1e9, raises.change.fall_percent or 1e9)
        return steady >= moved
    if not (raises.compares and clears.compares) or raises.mean != clears.mean:
        return False
    high = raises.comparison in ("above", "at_least")
    if high == (clears.comparison in ("above", "at_least")):
        return raises.but_below is None
    for raise_at, clear_at in zip(_numbers(raises.limit), _numbers(clears.limit), strict=True):
        strict = raises.comparison in ("above", "below") or clears.comparison in ("above", "below")
        beyond = clear_at > raise_at if high else clear_at < raise_at
        if beyond or (clear_at == raise_at and not strict):
            return True
    return False


def _numbers(limit: Limit | UpperLimit) -> tuple[float, ...]:
    if isinstance(limit, UpperLimit):
        return limit.otherwise.conventional, limit.otherwise.si, limit.times
    return limit.conventional, limit.si, limit.conventional
