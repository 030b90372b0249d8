"""What is said about a message nobody can use."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from monitors.feed_model import Feed

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


def results(raw: str, feed: Feed) -> str:
    """What the OBX of a broken message seem to say, as `Parsed.refused.results`: nobody may act on it as a result, and
    nobody may overlook that it would be critical. Read without the library, which wants a whole message."""
    sign = next(iter(re.findall(r"MSH([^\w\s])", raw)), "|")
    component = next(iter(re.findall(rf"MSH{re.escape(sign)}([^\w\s])", raw)), "^")
    starts = rf"[\r\n]+|(?=(?:MSH|PID|OBR|OBX|SPM){re.escape(sign)})"
    known = {*feed.mapping.codes}
    drawn = accession = ""
    found = []
    for line in re.split(starts, raw):
        fields = [field.split(component) for field in line.split(sign)] + [[""]] * 20
        name = fields[0][0]
        if name == "OBR":
            drawn, accession = fields[7][0], fields[3][0]
        elif name == "OBX":
            coding = fields[3]
            code = next((text for text in coding if text.strip() in known), coding[0]).strip()
            value = fields[5]
            if fields[2][0] == "SN":  # comparator and number
                value = ["".join(value[:2])]
            found.append([code, value[0].strip(), fields[6][0].strip(), fields[14][0] or drawn, accession])
    return json.dumps(found, ensure_ascii=False) if found else "[]"
