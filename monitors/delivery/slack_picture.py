"""The picture of a Slack post: uploaded to nobody first, shown by the one post afterwards.

files.getUploadURLExternal, the bytes, files.completeUploadExternal without a channel: only the app sees the file until a post
shows it. So a send stays one post; a worker that dies in between leaves a file nobody sees. No failure here holds a message up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from slack_sdk import WebClient

from monitors.delivery.message import Message

TRIES, WAIT = 6, 0.5  # how often, and how many seconds apart, an upload is looked at until Slack has read it
REFUSED = {"invalid_blocks", "invalid_blocks_format", "file_not_found", "slack_file_not_found"}  # of a post: nothing was posted


def uploaded(client: WebClient, message: Message, wait: Callable[[float], None]) -> Message:
    """The message with its picture uploaded, where it has one; without the picture where that fails. Posts nothing."""
    if not message.picture:
        return message
    try:
        answer = client.files_upload_v2(
            file=message.picture, filename=f"trend-{message.delivery_id}.png", title="Trend", alt_txt=message.picture_alt[:1000]
        )
        number = str((answer.get("files") or [{}])[0].get("id") or "")
        if number and _readable(client, number, wait):
            return replace(message, blocks=tuple(_with_file(block, number) for block in message.blocks))
    except Exception:  # whatever it is: the card says the same in words
        return without(message)
    return without(message)


def without(message: Message) -> Message:
    """The same message, saying in words alone what its picture showed."""
    return replace(message, picture=b"", picture_alt="", blocks=tuple(b for b in message.blocks if b["type"] != "image"))


def _readable(client: WebClient, number: str, wait: Callable[[float], None]) -> bool:
    """Whether Slack has read the upload as a picture: before that, a post that shows it is refused."""
    for _ in range(TRIES):
        about: dict[str, Any] = client.files_info(file=number).get("file") or {}
        if about.get("mimetype"):
            return str(about["mimetype"]).startswith("image/")
        wait(WAIT)
    return False


def _with_file(block: dict[str, Any], number: str) -> dict[str, Any]:
    return {**block, "slack_file": {"id": number}} if block["type"] == "image" else block
