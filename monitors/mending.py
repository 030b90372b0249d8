"""What people do about files and rows that were set aside: read again, release, discard; and two numbers taken apart.

One transaction a file, each with its ledger entry. What it means for the rows stands in `quarantine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from monitors import quarantine, store, tell
from monitors.checking import FileCounts, read
from monitors.config import Config, Feed
from monitors.database import Database, Role, sql
from monitors.errors import FeedError, UserError
from monitors.feeds import source
from monitors.history import ledger
from monitors.receiving import archive_url
from monitors.settings import Settings

UNRESOLVED = "unresolved_reference"


@dataclass(frozen=True)
class Retried:
    """What reading files again did. mended: rows stored or known now; still_bad: rows still in quarantine."""

    files: int
    mended: int
    still_bad: int


def retry(
    db: Database, config: Config, settings: Settings, now: datetime, *, file_id: int | None = None, feed: str = "",
    reason: str = "", actor: str,
) -> Retried:  # fmt: skip
    """Read files again under the mapping of now and store what it mends, one transaction a file; see quarantine.retry.

    file_id, feed, reason: which files; all with open rows where nothing is said. Raises UserError for a feed that is not
    configured, a reason no row was ever set aside for, and, once all others are done, files the archive has lost.
    """
    if feed and feed not in config.feeds:
        raise UserError(f"There is no feed {feed}; feeds.yaml has {', '.join(sorted(config.feeds)) or 'none'}.")
    with db.begin(Role.PIPELINE) as connection:
        chosen = quarantine.files(connection, file_id=file_id, feed=feed, reason=reason)
        if file_id is not None:
            quarantine.lock(connection, file_id)  # says so where there is no such file
        if reason and not (known := quarantine.reasons(connection)) & {reason}:
            raise UserError(f"Nothing was ever set aside as {reason}; there is {', '.join(sorted(known)) or 'nothing'}.")
    said = quarantine.Said(actor, "nephrowatch quarantine retry", now)
    return _retry(db, config, settings, chosen, said, reason)


def resolve(db: Database, config: Config, settings: Settings, run_id: int, now: datetime) -> Retried:
    """Read again what referred to resources nobody had seen, where resources of its feed have come with this run since."""
    with db.begin(Role.PIPELINE) as connection:
        chosen = list(connection.execute(sql("quarantine/resolvable"), {"run_id": run_id, "reason": UNRESOLVED}).scalars())
    return _retry(db, config, settings, chosen, quarantine.Said("nephrowatch", "resources arrived", now), UNRESOLVED)


def _retry(
    db: Database, config: Config, settings: Settings, chosen: list[int], said: quarantine.Said, reason: str
) -> Retried:
    done, lost = [], []
    for number in chosen:
        with db.begin(Role.PIPELINE) as connection:
            file = quarantine.lock(connection, number)
            ours = config.feeds.get(file.feed)
            if ours is None:
                continue
            try:
                reading = _again(connection, config, settings, file, ours, said.now)
            except FeedError:
                done.append(quarantine.unread(connection, file, said, ledger.append))
                continue
            except UserError as problem:
                lost.append(str(problem))
                continue
            done.append(quarantine.retry(connection, file, ours, reading, said, ledger.append, reason=reason))
            tell.after_check(connection, config, _run(connection, number), number, said.now)
    if lost:
        more = f" ({len(lost)} files in all.)" if len(lost) > 1 else ""
        raise UserError(f"{lost[0]}{more} {len(done)} others were read again.")
    return Retried(len(done), sum(one.mended for one in done), sum(one.still_bad for one in done))


def release(
    db: Database, config: Config, settings: Settings, now: datetime, *, quarantine_id: int | None = None,
    file_id: int | None = None, reason: str, actor: str,
) -> FileCounts:  # fmt: skip
    """A person says that a row, or a held file, is true nevertheless. Raises UserError where nothing is to be released."""
    said = quarantine.Said(actor, reason, now)
    with db.begin(Role.PIPELINE) as connection:
        number, row_no = _meant(connection, quarantine_id, file_id)
        file = quarantine.lock(connection, number)
        feed = config.feeds.get(file.feed)
        if feed is None:
            raise UserError(f"Feed {file.feed} is not configured any more; its rows cannot be read again.")
        reading = _again(connection, config, settings, file, feed, now)
        if row_no is None:
            counts = quarantine.release_file(connection, file, feed, reading, said, ledger.append)
        else:
            counts = quarantine.release_row(connection, file, row_no, feed, reading, said, ledger.append)
        tell.after_check(connection, config, _run(connection, number), number, now)
    return FileCounts(number, counts.received, counts.stored, counts.known, counts.quarantined)


def discard(
    db: Database, config: Config, now: datetime, *, quarantine_id: int | None = None, file_id: int | None = None, reason: str,
    actor: str,
) -> int:  # fmt: skip
    """A person says that a row, or a held file, is of no use. Returns how many rows are ended by it."""
    said = quarantine.Said(actor, reason, now)
    with db.begin(Role.PIPELINE) as connection:
        number, row_no = _meant(connection, quarantine_id, file_id)
        file = quarantine.lock(connection, number)
        if row_no is None:
            return quarantine.discard_file(connection, file, said, ledger.append)
        return quarantine.discard_row(connection, file, row_no, said, ledger.append)


def unmerge(
    db: Database, config: Config, now: datetime, *, authority: str, identifier: str, merged: str, reason: str, actor: str
) -> None:
    """A person takes a patient number out of another again. Raises UserError when the two are not joined."""
    with db.begin(Role.PIPELINE) as connection:
        batch = store.unmerge(connection, authority, identifier, merged, actor, reason, now)
        ledger.append(connection, [("patients_unmerged", {"batch": batch, "actor": actor, "reason": reason})])


def _again(
    connection: Connection, config: Config, settings: Settings, file: quarantine.File, feed: Feed, now: datetime
) -> store.Reading:
    try:
        raw = source.archive_get(archive_url(config, settings), file.archived)
    except UserError as problem:
        raise UserError(f"File {file.file_id} of feed {file.feed}: {problem}") from None
    return read(connection, raw, file.feed, feed, config, file.file_id, now)


def _meant(connection: Connection, quarantine_id: int | None, file_id: int | None) -> tuple[int, int | None]:
    """(file, row number); no row number where the whole file is meant."""
    if (quarantine_id is None) == (file_id is None):
        raise UserError("Name either a row in quarantine or a held file.")
    return quarantine.place(connection, quarantine_id) if quarantine_id is not None else (int(file_id or 0), None)


def _run(connection: Connection, file_id: int) -> int:
    return int(connection.execute(sql("receive/run_of_file"), {"file_id": file_id}).scalar_one())
