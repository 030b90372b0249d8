"""What is said about a message nobody can use."""

from __future__ import annotations

from dataclasses import dataclass

REMEDY = "Ask the sender for the message again."


@dataclass(frozen=True)
class Refused:
    """A part of the file nobody can use. line_no: line it starts on; raw: its text as far as it can be shown."""

    line_no: int
    reason: str
    sentence: str
    remedy: str
    raw: str


class Broken(Exception):
    """Why one message is refused. Caught by the parser; never escapes it."""

    def __init__(self, reason: str, sentence: str, remedy: str = REMEDY) -> None:
        self.reason, self.sentence, self.remedy = reason, sentence, remedy
        super().__init__(sentence)

    def of(self, line_no: int, raw: str) -> Refused:
        """The refusal of the part that starts on `line_no`."""
        shown = raw.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
        return Refused(line_no, self.reason, self.sentence, self.remedy, shown)
