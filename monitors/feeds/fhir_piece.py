"""One resource of a file, with its text and its line."""

from __future__ import annotations

from typing import Any

from monitors.feeds.fhir_elements import text as trimmed
from monitors.feeds.fhir_json import value
from monitors.feeds.fhir_shapes import Shape


class Piece:
    """One resource, or what should have been one. resource: its value ({} when broken); text: its JSON as received;
    full_url: of its Bundle entry; method: of the entry's request; reason, sentence: why it cannot be read ('' when it
    can). shape, said: of an Observation of a shape seen before; then its value is read when somebody asks for it."""

    __slots__ = ("_resource", "full_url", "line_no", "method", "reason", "said", "sentence", "shape", "text")

    def __init__(
        self, line_no: int, text: str, resource: dict[str, Any] | None, full_url: str = "", method: str = "", reason: str = "",
        sentence: str = "", shape: Shape | None = None, said: list[str] | None = None,
    ) -> None:  # fmt: skip
        self.line_no, self.text, self._resource, self.full_url, self.method = line_no, text, resource, full_url, method
        self.reason, self.sentence, self.shape, self.said = reason, sentence, shape, said or []

    @property
    def resource(self) -> dict[str, Any]:
        if self._resource is None:
            self._resource = value(self.text)
        return self._resource

    @property
    def kind(self) -> str:
        """Its resourceType; '' where there is no resource."""
        return "Observation" if self.shape is not None else str(self.resource.get("resourceType", ""))

    @property
    def number(self) -> str | None:
        """Its id."""
        if self.shape is None:
            return trimmed(self.resource.get("id"))
        return (self.said[self.shape.number].strip() or None) if self.shape.number >= 0 else None
