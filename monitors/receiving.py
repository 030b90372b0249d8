"""Raw bytes in: every folder and server of every feed looked at, what is new archived and registered.

The bytes are kept before the database hears of them, and a file is claimed by its row: any number of workers may look.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from monitors import alarms, tell
from monitors.config import Config, Feed
from monitors.database import Database, Role, sql
from monitors.errors import FeedError
from monitors.feeds import places, pull, source
from monitors.settings import Settings


def archive_url(config: Config, settings: Settings) -> str:
    return config.site.archive or f"file://{(settings.home / 'archive').absolute()}"


def receive(
    db: Database, config: Config, settings: Settings, run_id: int, now: datetime, *,
    clock: Callable[[], datetime] | None = None, wait: Callable[[float], None] = lambda seconds: None,
) -> list[int]:  # fmt: skip
    """Raw bytes into the archive first, then one row a file. A feed that cannot be listed is told to operations.

    clock, wait: for servers that are asked again after a pause. Returns the files that wait to be checked.
    """
    for name, feed in config.feeds.items():
        inbox = Inbox(db, config, archive_url(config, settings), run_id, name, feed, now)
        try:
            if feed.pull is None:
                with places.reach(name, feed, config.folder, settings.secret) as place:
                    _receive_folder(inbox, place)
            else:
                _receive_pages(inbox, settings, clock or (lambda: now), wait)
        except FeedError as problem:
            _unreachable(inbox, problem)
            continue
        with db.begin(Role.PIPELINE) as connection:
            alarms.found(connection, config, name, now)
    with db.begin(Role.PIPELINE) as connection:
        return source.waiting(connection)


@dataclass(frozen=True)
class Inbox:
    """One feed, and where what it gives is kept."""

    db: Database
    config: Config
    archive: str
    run_id: int
    name: str
    feed: Feed
    now: datetime

    def keep(self, found: places.Found, raw: bytes, page: pull.Page | None = None) -> None:
        """Bytes into the archive, then the file's row; with the last page of a resource, how far it was read."""
        sha256, address = source.archive_put(self.archive, raw)
        with self.db.begin(Role.PIPELINE) as connection:
            source.receive(connection, self.run_id, self.name, self.feed, found, raw, sha256, address, self.now)
            if page is not None and page.last and page.read_to is not None:
                connection.execute(sql("receive/read_to"), {
                    "feed": self.name, "location": self.feed.location, "resource": page.resource, "read_to": page.read_to,
                })  # fmt: skip

    def tell(self, key: str, reason: str) -> None:
        with self.db.begin(Role.PIPELINE) as connection:
            tell.operations(connection, self.config, self.run_id, f"{self.name}/{key}", reason, self.name, self.now)


def _receive_folder(inbox: Inbox, place: places.Place) -> None:
    """Every file that is ready: kept and registered, or, when it cannot be read, told to operations."""
    for file in place.look(inbox.now).found:
        try:
            raw = place.read(file)
        except FeedError as problem:
            if problem.reason != places.NOT_YET:
                inbox.tell(f"{file.name}/{problem.reason}", problem.reason)
            continue
        inbox.keep(file, raw)


def _receive_pages(
    inbox: Inbox, settings: Settings, clock: Callable[[], datetime], wait: Callable[[float], None]
) -> None:
    with inbox.db.begin(Role.PIPELINE) as connection:
        rows = connection.execute(sql("receive/watermarks"), {"feed": inbox.name, "location": inbox.feed.location})
        read_to = {row.resource: row.read_to for row in rows}
    with ExitStack() as stack:
        secrets = pull.secrets_of(inbox.feed, settings.secret)
        server = stack.enter_context(pull.open_client(inbox.feed, secrets, clock=clock, wait=wait))
        for page in pull.pages(inbox.name, inbox.feed, read_to, server):
            inbox.keep(places.Found(page.name, ""), page.raw, page)


def _unreachable(inbox: Inbox, problem: FeedError) -> None:
    with inbox.db.begin(Role.PIPELINE) as connection:
        alarms.missing(connection, inbox.name, problem.reason, inbox.now)
    if not inbox.feed.optional:
        inbox.tell(problem.reason, problem.reason)
