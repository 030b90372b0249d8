"""Where messages can go: the destinations of routes.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitors.documents import Document
from monitors.feed_model import Name

Fallback = Annotated[Name | None, Field(description="destination that gets what this one cannot be given")]


class SlackDestination(Document):
    """A Slack channel. token: name of the variable that holds the bot token; app_token: of the one that holds the app-level
    token (xapp-...), with which `nephrowatch slack-listen` hears presses. Without it no card has a button to press."""

    kind: Literal["slack"]
    channel: str = Field(pattern=r"^[CGD][A-Z0-9]{2,}$", description="channel id, not its name")
    token: str = "SLACK_BOT_TOKEN"  # noqa: S105  (the name of a variable)
    app_token: str | None = None
    api_url: str = "https://slack.com/api/"
    fallback: Fallback = None


class EmailDestination(Document):
    """One mailbox. user and password name variables; without user no login is tried."""

    kind: Literal["email"]
    to: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    host: str
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str | None = None
    password: str | None = None
    fallback: Fallback = None

    @model_validator(mode="after")
    def _plain_only_at_home(self) -> EmailDestination:
        if self.tls == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("tls: none is for a server on this machine only")
        if bool(self.user) != bool(self.password):
            raise ValueError("give both user and password, or neither")
        return self


class WebhookDestination(Document):
    """A pager's web hook. secret: name of the variable that holds the signing key."""

    kind: Literal["webhook"]
    url: str = Field(pattern=r"^https://|^http://(127\.0\.0\.1|localhost|\[::1\])[:/]", description="https, or this machine")
    secret: str = "NEPHROWATCH_WEBHOOK_SECRET"  # noqa: S105  (the name of a variable)
    fallback: Fallback = None


Destination = Annotated[SlackDestination | EmailDestination | WebhookDestination, Field(discriminator="kind")]
