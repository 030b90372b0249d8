"""Over the network: would each destination take a message, and does the heartbeat's address answer? Sends no message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from monitors.database import Role
from monitors.delivery import heartbeat, leaves, listen
from monitors.delivery.deliver import Channels
from monitors.delivery.showing import REFUSALS
from monitors.destinations import SlackDestination
from monitors.doctor.findings import Finding, Look, fault, fine, note
from monitors.doctor.machine import lacking
from monitors.errors import DeliveryError, UserError


def destinations(look: Look) -> Iterator[Finding]:
    if look.config is None:
        return
    channels, refused = Channels(look.config, look.settings), defaultdict(list)
    for name in sorted(set(look.config.routes.destinations) - lacking(look)):  # a secret that is not there is said already
        try:
            channels.get(name).probe()
        except (DeliveryError, UserError) as problem:
            refused[str(problem)].append(name)
        else:
            yield fine("destinations", f"{name} would take a message.")
            yield from _details(look, channels, name)

    for why, names in refused.items():
        yield fault("destinations", f"{', '.join(names)}: {why}",
                    f"Mend it in routes.yaml or at the server; then nephrowatch notify test {names[0]}")  # fmt: skip


def _details(look: Look, channels: Channels, name: str) -> Iterator[Finding]:
    """Where there is leave to show details: may they be seen there?"""
    if look.db is None or look.config is None:
        return
    with look.db.begin(Role.WEB) as connection:
        leave = leaves.holding(connection, name, look.config.routes.destinations[name], look.now)
    if leave is None:
        return
    if reason := channels.get(name).may_show():
        yield fault("details", f"{name} has leave to show details until {leave.until}, and shows none: {REFUSALS[reason]}.",
                    "Mend the channel (docs/slack.md, Details), or nephrowatch destinations detail withdraw.")
    else:
        yield fine("details", f"{name} may show details until {leave.until} (UTC), approved by {leave.approver_name}.")


def presses(look: Look) -> Iterator[Finding]:
    """Where cards have a button to press: could somebody hear it?"""
    for name, to in look.config.routes.destinations.items() if look.config else ():
        if not isinstance(to, SlackDestination) or to.app_token is None:
            continue
        try:
            listen.probe(to, look.settings)
        except (DeliveryError, UserError) as problem:
            yield fault("presses", f"{name}: presses on cards cannot be heard. {problem}",
                        f"Mend {to.app_token} or the app (docs/slack.md), or take app_token out of routes.yaml.")
        else:
            yield fine("presses", f"{name}: presses on cards can be heard while slack-listen runs.")


def heartbeat_answers(look: Look) -> Iterator[Finding]:
    became = heartbeat.ping(look.settings)
    if became == "not_configured":
        yield note("heartbeat", f"{heartbeat.URL} is not set: a machine that is down cannot say so.",
                   f"Set {heartbeat.URL}_FILE to an address elsewhere that alarms after two hours' silence.")  # fmt: skip
    elif became == "failed":
        yield fault("heartbeat", "The heartbeat's address does not answer.", f"Mend {heartbeat.URL}, or that host.")
    else:
        yield fine("heartbeat", "The other host hears us.")
