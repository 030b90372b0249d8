"""Uploads to the stand-in for Slack: the three steps, what was stored, and what goes wrong on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

STEPS = ("files.getUploadURLExternal", "upload", "files.completeUploadExternal", "files.info")


@dataclass
class Upload:
    """One file. channel: '' for a file that only the app sees."""

    number: str
    name: str
    alt: str
    content: bytes = b""
    title: str = ""
    channel: str = ""
    complete: bool = False
    looked: int = 0


@dataclass
class Uploads:
    """Every upload, by number. refuse: step -> the error it answers; slow: so often files.info says Slack has not read it."""

    files: dict[str, Upload] = field(default_factory=dict)
    refuse: dict[str, str] = field(default_factory=dict)
    slow: int = 0

    def answer(self, method: str, body: dict[str, Any], url: str) -> dict[str, Any]:
        """The answer of a Web API method about files. url: where bytes are sent to, the file's number to be appended."""
        if error := self.refuse.get(method):
            return {"ok": False, "error": error}
        if method == "files.getUploadURLExternal":
            number = f"F{len(self.files) + 1:08d}"
            self.files[number] = Upload(number, str(body.get("filename")), str(body.get("alt_txt") or ""))
            return {"ok": True, "file_id": number, "upload_url": url + number}
        if method == "files.completeUploadExternal":
            done = json.loads(body["files"])
            for one in done:
                upload = self.files[one["id"]]
                upload.title, upload.channel, upload.complete = one.get("title", ""), body.get("channel_id") or "", True
            return {"ok": True, "files": done}
        upload = self.files.get(str(body.get("file"))) or Upload("", "", "")
        if not upload.complete:
            return {"ok": False, "error": "file_not_found"}
        upload.looked += 1
        read = {"mimetype": "image/png"} if upload.looked > self.slow else {"mimetype": ""}
        return {"ok": True, "file": {"id": upload.number, "name": upload.name, "title": upload.title, **read}}

    def wrong(self, blocks: Any) -> bool:
        """Whether blocks show a file that Slack has not, or has not read yet."""
        given = json.loads(blocks) if isinstance(blocks, str) else blocks or []
        numbers = [block["slack_file"]["id"] for block in given if block.get("type") == "image" and "slack_file" in block]
        return any(
            (upload := self.files.get(number)) is None or not upload.complete or upload.looked <= self.slow for number in numbers
        )
