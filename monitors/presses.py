"""A press on a Slack card becomes an action of a person, in one transaction, once.

    record(db, config, press, now) -> Said
    listen(db, config, ...) -> how many          nephrowatch slack-listen

Who pressed is looked up in people.yaml as it stands at that moment. The action or its refusal, the outbox rows, the ledger
entry and the press itself commit together; the same press again answers what was answered first.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from monitors import actions, logs
from monitors.config import Config, people_now
from monitors.database import Database, Role, sql
from monitors.delivery import checks, forms
from monitors.delivery.listen import Listener, ears
from monitors.delivery.press import Press, Said
from monitors.errors import DeliveryError, UserError
from monitors.history import ledger
from monitors.human import Refused
from monitors.people import Person
from monitors.settings import Settings

BEAT = 5.0  # seconds between two looks at whether the connections stand
PATIENCE = 8000  # milliseconds a statement may take: then the press is not recorded, and its presser is told so
STRANGER = ("Nobody in people.yaml has your Slack account, so nothing was changed. Open the page, or ask whoever looks after "
            "Nephrowatch to add your Slack id.")  # fmt: skip


def record(db: Database, config: Config, press: Press, now: datetime) -> Said:
    """What became of a press. Anything raised means that nothing was recorded, or that it cannot be known."""
    with db.begin(Role.DELIVERY) as connection:
        connection.execute(sql("act/press_alone"), {"key": press.key, "patience": str(PATIENCE)})
        before = connection.execute(sql("act/pressed"), {"key": press.key}).one_or_none()
        if before is not None:
            return Said(before.outcome, before.sentence)
        person = config.people.by_slack(press.user)
        said = _act(connection, config, press, person, now)
        connection.execute(sql("act/keep_press"), {
            "key": press.key, "envelope_id": press.envelope_id, "slack_user": press.user, "channel": press.channel,
            "action": press.deed, "ref": actions.plain(press.ref), "actor": person.key if person else None,
            "outcome": said.outcome, "sentence": said.sentence, "now": now,
        })  # fmt: skip
        return said


def listen(
    db: Database, config: Config, settings: Settings, clock: Callable[[], datetime], stop: threading.Event, *,
    ready: Callable[[], None] = lambda: None, alive: Path | None = None, most: int | None = None,
) -> int:  # fmt: skip
    """Hear presses until `stop` is set, or `most` were recorded. alive: a file to touch while every connection stands.

    Returns how many were recorded. Raises UserError when no destination has an app_token, a secret is missing, or Slack refuses a
    token.
    """
    done: list[str] = []

    def write(press: Press) -> Said:
        said = record_again(db, config, press, clock)
        done.append(said.outcome)
        if most is not None and len(done) >= most:
            stop.set()
        return said

    heard = ears(config, settings)
    for outcome in checks.look(db, config, settings, clock, ledger.append, every=timedelta(0)).values():
        if outcome != "ok":
            _note(f"destination_{outcome}")
    listener = Listener(heard, write, _note, stop)
    try:
        listener.connect()
        ready()
        while True:
            if alive is not None and listener.connected():
                alive.touch()
            if stop.wait(BEAT):
                break
    except DeliveryError as problem:
        raise UserError(f"{problem} Mend the app token (docs/slack.md), then start slack-listen again.") from None
    finally:
        listener.close()
    return len(done)


def record_again(db: Database, config: Config, press: Press, clock: Callable[[], datetime]) -> Said:
    """`record` with the people of this moment; tried a second time, for a commit whose answer was lost may have counted."""
    now = config.model_copy(update={"people": people_now(config)})
    try:
        return record(db, now, press, clock())
    except Exception:
        return record(db, now, press, clock())


def _note(outcome: str) -> None:
    logs.logger.info(json.dumps({"stage": "press", "outcome": outcome}))


def _act(connection: Connection, config: Config, press: Press, person: Person | None, now: datetime) -> Said:
    ref = actions.plain(press.ref)
    if person is None:
        problem = Refused("unknown_person", STRANGER)
        actions.refused(connection, press.ref, press.deed, f"slack:{press.user}", problem, "slack")
        return Said(problem.code, STRANGER)
    try:
        # A card with details shows the evidence; it counts as opened while it is the newest there is.
        seen = press.deed != "take" and actions.shown(connection, press.ref, person, press.seq, press.channel)
        if press.deed in forms.FORMS.values() and not press.form:
            asks = actions.offer(connection, config, press.ref, press.deed, person, now, evidence_opened=seen)
            view = forms.form(press.deed, press.ref, press.channel, str(asks.severity), asks.unit, asks.first, asks.last)
            return Said("asked", "", ask=view)
        change = actions.act(connection, config, press.ref, press.deed, person, now, reason=press.reason, until=press.until,
                             source="slack", evidence_opened=seen)  # fmt: skip
    except Refused as problem:
        actions.refused(connection, press.ref, press.deed, person.key, problem, "slack")
        field = forms.FIELD_OF.get(problem.code, "") if press.form else ""
        return Said(problem.code, str(problem) if field else f"{problem} Nothing was changed.", field=field)
    except UserError:
        unknown = Refused("no_such_episode", f"There is no alert {ref} here any more. Nothing was changed.")
        actions.refused(connection, press.ref, press.deed, person.key, unknown, "slack")
        return Said(unknown.code, str(unknown))
    if press.deed == "take":
        return Said(change.kind.value, f"{ref} is yours now: {change.sentence} Open the page for the evidence.")
    return Said(change.kind.value, f"{ref}: {change.sentence} It stands in the history with your name.")
