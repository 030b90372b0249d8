"""Conditions: how things stand at an instant. True, false or unknown, without memory."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from monitors.documents import Document
from monitors.rules.breaches import Breach

KINDS = ("on", "measure", "rule", "fact", "all", "any", "not", "count")
_MODIFIERS = {
    "tail_days": ("on",), "started_within_days": ("on",), "is": ("measure",), "within_days": ("measure", "fact"),
    "above": ("fact",), "below": ("fact",), "times": ("fact",), "at_least": ("count",),
}  # fmt: skip


class Condition(Document):
    """Exactly one of the kinds.

    on: drug classes, any of them taken now (tail_days: or until so long ago; started_within_days: instead, a period of
    it began within so many days, whether or not it lasts). measure + is: the newest value,
    not older than within_days, breaches. rule: it is firing or holding. fact: a concept holds now; within_days: began or
    happened within so many days; above, below: the newest value of it; times: so often. count: at_least
    so many of named conditions.
    """

    on: list[str] | None = Field(None, min_length=1)
    tail_days: int = Field(0, ge=0)
    started_within_days: int | None = Field(None, ge=1)
    measure: str | None = None
    is_: Breach | None = Field(None, alias="is")
    within_days: int | None = Field(None, ge=1)
    rule: str | None = None
    fact: str | None = None
    above: float | None = None
    below: float | None = None
    times: int | None = Field(None, ge=1)
    all: list[Condition] | None = Field(None, min_length=1)
    any: list[Condition] | None = Field(None, min_length=1)
    not_: Condition | None = Field(None, alias="not")
    count: dict[str, Condition] | None = Field(None, min_length=1)
    at_least: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Condition:
        kinds = [kind for kind in KINDS if self._has(kind)]
        if len(kinds) != 1:
            raise ValueError(f"a condition is exactly one of {', '.join(KINDS)}")
        for name, fits in _MODIFIERS.items():
            if self._has(name) and kinds[0] not in fits:
                raise ValueError(f"'{name}' goes with {' or '.join(fits)}, not with {kinds[0]}")
        if self.measure is not None and (self.is_ is None or self.within_days is None):
            raise ValueError("a measure needs 'is' (what it must be) and 'within_days' (how old it may be)")
        if self.count is not None and (self.at_least is None or self.at_least > len(self.count)):
            raise ValueError("a count needs at_least, no more than the number of its conditions")
        if self.times is not None and self.within_days is None:
            raise ValueError("times needs within_days")
        return self

    def _has(self, name: str) -> bool:
        value = getattr(self, {"is": "is_", "not": "not_"}.get(name, name))
        return value is not None and not (name == "tail_days" and value == 0)

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if self._has(kind))

    @property
    def children(self) -> tuple[Condition, ...]:
        named = tuple(self.count.values()) if self.count else ()
        return (*(self.all or ()), *(self.any or ()), *((self.not_,) if self.not_ else ()), *named)

    def walk(self) -> Iterator[Condition]:
        """The condition and everything in it."""
        yield self
        for child in self.children:
            yield from child.walk()
