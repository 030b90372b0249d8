"""The work: are the nights done, do messages leave, do feeds arrive, can the past be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitors import pipeline, sealing
from monitors.database import Role, sql
from monitors.delivery import vault
from monitors.doctor.findings import Finding, Look, fault, fine, note
from monitors.errors import FeedError, UserError
from monitors.feeds import places as feed_places
from monitors.feeds import source
from monitors.history import keys
from monitors.receiving import archive_url
from monitors.records import night_of

NEWEST = 50  # archived files whose bytes are looked for
LATE = timedelta(hours=6)  # a night not finished this long after its date began (UTC) is late


def nights(look: Look) -> Iterator[Finding]:
    for night in look.rows("nights"):
        tonight = night_of(look.now)
        due = tonight if look.now.hour >= LATE.total_seconds() / 3600 else tonight - timedelta(days=1)
        if night["finished"] is None:
            yield note("nights", "No night has been judged live yet.", "Unpause nightly_labs, or nephrowatch run.")
        elif night["finished"] < due:
            late = night["begun"] and night["begun"] > night["finished"]
            begun = f"; {night['begun']} was begun and not finished" if late else ""
            yield fault("nights", f"The newest finished night is {night['finished']}, due was {due}{begun}.",
                        "Look at the newest run of nightly_labs in Airflow, clear its failed task; or nephrowatch run.")
        else:
            yield fine("nights", f"Night {night['finished']} is finished.")


def messages(look: Look) -> Iterator[Finding]:
    rows = look.rows("outbox", now=look.now)
    for row in rows:
        if row["waiting"]:
            yield fault("messages", f"{row['waiting']} messages to {row['destination']} have waited for over an hour.",
                        f"nephrowatch deliver; if they stay, nephrowatch notify test {row['destination']} says why.")
        if row["given_up"]:
            yield fault("messages", f"{row['given_up']} messages to {row['destination']} were given up in the last seven days.",
                        "See each in nephrowatch alerts show; mend the destination; tell the unit.")
        if row["unknown"]:
            yield note("messages", f"Of {row['unknown']} messages to {row['destination']} nobody knows whether they arrived.",
                       "Ask a reader of that channel.")  # fmt: skip
    if look.db is not None and not rows:
        yield fine("messages", "Nothing waits that should have left.")


def untold(look: Look) -> Iterator[Finding]:
    if look.db is None:
        return
    with look.db.begin(Role.WEB) as connection:
        longest = max((one.days for one in look.config.routes.inhibitions), default=0) if look.config else 0
        muted_since = night_of(look.now) - timedelta(days=longest + 1)
        refs = [row.ref for row in connection.execute(sql("watch/untold"), {"muted_since": muted_since})]
    if refs:
        shown = ", ".join(refs[:3]) + (f" and {len(refs) - 3} more" if len(refs) > 3 else "")
        yield fault("untold", f"{len(refs)} open alerts were told to nobody, without a reason: {shown}.",
                    "nephrowatch alerts show REF; tell the unit by telephone; then report it as a defect.")  # fmt: skip
    else:
        yield fine("untold", "Every open alert was told, or kept back for a named reason.")


def alarms(look: Look) -> Iterator[Finding]:
    if look.db is None:
        return
    with look.db.begin(Role.WEB) as connection:
        found = connection.execute(sql("read/alarms"), {"cleared": False}).mappings().all()
    for alarm in found:
        yield fault("feeds", f"{alarm['feed']} is silent since {alarm['raised_at']:%Y-%m-%d %H:%M} UTC: {alarm['sentence']}",
                    "Ask the sender; nephrowatch feeds list --look says what waits.")  # fmt: skip


def feeds(look: Look) -> Iterator[Finding]:
    """Every folder can be listed. Feeds that ask a server are not asked."""
    if look.config is None:
        return
    wrong = False
    for name, feed in look.config.feeds.items():
        if feed.pull is not None:
            continue
        try:
            with feed_places.reach(name, feed, look.config.folder, look.settings.secret) as place:
                place.look(look.now)
        except (FeedError, UserError) as problem:
            wrong = True
            say = note if feed.optional else fault
            yield say("feeds", f"Feed {name} cannot be listed: {problem}", "Make the folder, or mend `location:` in feeds.yaml.")
    if not wrong:
        yield fine("feeds", f"All {len(look.config.feeds)} feeds can be listed.")


def archived(look: Look) -> Iterator[Finding]:
    """The newest raw files are where the database says they are, and are what they were."""
    if look.config is None:
        return
    lost = []
    for row in look.rows("archived", newest=NEWEST):
        try:
            source.archive_get(archive_url(look.config, look.settings), row["archived"])
        except (UserError, FeedError, OSError):
            lost.append(row)
    if lost:
        yield fault("archive", f"{len(lost)} of the newest raw files are missing or damaged, first file {lost[0]['file_id']} of "
                               f"feed {lost[0]['feed']}.", "Restore the archive from the same backup as the database.")


def sealed(look: Look) -> Iterator[Finding]:
    """What was kept can still be opened."""
    ours = vault.vault(look.settings)
    rows = look.rows("sealed_with")
    strange = [row for row in rows if ours is None or row["key_id"] != ours.key_id]
    if strange:
        yield fault("payload key", f"Messages kept until {strange[0]['newest']:%Y-%m-%d} were sealed with another key "
                                   f"({strange[0]['key_id']}).",
                    f"Find that key and keep it with the backups; {vault.KEY} of now does not open them.")  # fmt: skip


def history(look: Look) -> Iterator[Finding]:
    if look.db is None or look.config is None:
        return
    here = pipeline.Here(look.settings, look.config, look.db, lambda: look.now)
    try:
        found = pipeline.verify_all(here=here)
    except ValueError as problem:
        yield fault("history", f"{keys.PUBLIC}: {problem}.", "Restore that file: without it no signature can be checked.")
        return
    for sentence in found["checkpoint_problems"]:
        yield fault("checkpoints", sentence, "Mend the place, or put the old public key back into history-keys.txt.")
    places = sealing.places(look.config, look.settings)
    if len(places) < 2:
        yield note("checkpoints", "Checkpoints are kept in one place only; whoever writes there and here can rewrite the past.",
                   "Name two in site.yaml, `history: {checkpoints: [...]}`, out of the database administrator's reach.")
    if bad := found["first_bad"]:
        yield fault("history", f"The ledger does not verify from entry {bad['seq']} on: {bad['what']}.",
                    "Stop the nights, keep the database as it is: docs/operations.md, *History fails to verify*.")  # fmt: skip
    else:
        yield fine("history", f"{found['entries']} entries of the ledger verify; {found['covered']} are covered by a checkpoint.")


def reviewed(look: Look) -> Iterator[Finding]:
    if look.db is None or look.config is None:
        return
    standings = pipeline.rules_list(here=pipeline.Here(look.settings, look.config, look.db, lambda: look.now))
    unsigned = [rule["rule"] for rule in standings if rule["signed_by"] is None]
    if unsigned:
        yield note("rules", f"{len(unsigned)} of {len(standings)} rules are not clinically reviewed at this site.",
                   "nephrowatch rules sign RULE --reviewer ... --role ...: every message says so until then.")  # fmt: skip
