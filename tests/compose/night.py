"""One night of a running stack, seen from outside: the run in Airflow, the messages where they arrive, the alert on its page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from monitors.demo.feeder import Airflow
from tests.compose.stack import Broken, Stack, say, until

NIGHTLY = "/dags/nightly_labs/dagRuns"
NIGHT_PATIENCE, MAIL_PATIENCE = 600, 900
REFERENCE = re.compile(r"/alerts/(NW-[A-Z0-9]+(?:-\d+)?)")  # NW-4F7K, or NW-4F7K-2: its second message
SIGN_IN = re.compile(r"(http\S+)/sign-in/once\?token=(\S+)")
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
WAITING = "SELECT count(*) FROM nephrowatch.outbox WHERE state IN ('pending', 'claimed')"


def asked(stack: Stack) -> Airflow:
    password = json.loads((stack.folder / "deploy/local/secrets/airflow_passwords").read_text(encoding="utf-8"))["admin"]
    return Airflow(stack.airflow, password)


def runs(stack: Stack) -> dict[str, dict[str, Any]]:
    try:
        return {run["dag_run_id"]: run for run in asked(stack).ask("GET", f"{NIGHTLY}?limit=50")["dag_runs"]}
    except httpx.HTTPError as problem:
        raise Broken(f"Airflow's API did not answer: {problem}") from None


def paused(stack: Stack) -> list[str]:
    return [dag["dag_id"] for dag in asked(stack).ask("GET", "/dags")["dags"] if dag["is_paused"]]


def finished(stack: Stack, before: set[str]) -> str:
    """The id of a run that is not among `before` and ended well. Raises Broken when it failed."""
    def look() -> str | None:
        stack.most = max(stack.most, int(sql(stack, CONNECTIONS)))
        new = {name: run["state"] for name, run in runs(stack).items() if name not in before}
        return next((name for name, state in new.items() if state in ("success", "failed")), None)

    name = until("a new run of nightly_labs ends", look, NIGHT_PATIENCE)
    state = runs(stack)[name]["state"]
    if state != "success":
        raise Broken(f"The run {name} of nightly_labs ended as {state}: {tasks(stack, name)}")
    return name


def tasks(stack: Stack, run: str) -> list[tuple[str, str, str]]:
    """(task, state, host) of every task of a run; a mapped one once a shard."""
    found = asked(stack).ask("GET", f"{NIGHTLY}/{run}/taskInstances?limit=500")["task_instances"]
    return [(one["task_id"], one["state"], one["hostname"]) for one in found]


def caught(stack: Stack) -> list[dict[str, Any]]:
    """What arrived at the stand-ins of Slack and mail."""
    return [json.loads(line) for line in stack.compose("exec", "-T", "stand-ins", "cat", "/caught/messages.ndjson").splitlines()]


def delivered(stack: Stack, more_than: int) -> list[dict[str, Any]]:
    """What arrived, once more than so many did and the outbox holds nothing that still waits."""
    def look() -> list[dict[str, Any]] | None:
        waiting = sql(stack, WAITING) != "0"
        found = caught(stack)
        return found if not waiting and len(found) > more_than else None

    return until("the messages of the night arrive", look, MAIL_PATIENCE, every=3.0)


def sql(stack: Stack, statement: str) -> str:
    return stack.compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "nephrowatch", "-Atc", statement).strip()


def told_of(messages: list[dict[str, Any]]) -> str:
    """What the newest message with a link links to."""
    for message in reversed(messages):
        if found := REFERENCE.search(json.dumps(message)):
            return found[1]
    raise Broken("No message that arrived links to an alert.")


@contextmanager
def signed_in(stack: Stack) -> Iterator[httpx.Client]:
    """A browser signed in by the newest link that the pages printed."""
    links = SIGN_IN.findall(stack.compose("logs", "--no-color", "web"))
    if not links:
        raise Broken("The log of web holds no link to sign in with.")
    address, token = links[-1]
    if address != stack.web:
        raise Broken(f"The link to sign in with says {address}; a browser on this machine needs {stack.web}.")
    with httpx.Client(base_url=stack.web, timeout=60, follow_redirects=True) as browser:
        asked = browser.get("/sign-in/once", params={"token": token})
        for answer in (asked, browser.post("/sign-in/once", data={"token": token})):
            if answer.status_code != 200:
                raise Broken(f"Signing in was answered with {answer.status_code} at {answer.url.path}.")
        yield browser


def page_shows(stack: Stack, browser: httpx.Client, ref: str) -> str:
    """The heading of the page a message links to. Raises Broken when the page does not show the message's alert."""
    answer = browser.get(f"/alerts/{ref}")
    if answer.status_code != 200 or "-".join(ref.split("-")[:2]) not in answer.text:
        raise Broken(f"The page of alert {ref} was answered with {answer.status_code} and does not show it.")
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", heading[1] if heading else "")).strip()


def see(stack: Stack, before: set[str], messages: int) -> tuple[str, str, int]:
    """A night to its end: run, messages, page. Returns the run, an alert that was told, and how many messages there are now."""
    run = finished(stack, before)
    done = Counter(state for _, state, _ in tasks(stack, run))
    say(f"nightly_labs {run} ended well: {', '.join(f'{number} tasks {state}' for state, number in done.items())}")
    arrived = delivered(stack, messages)
    by = Counter(message["to"] for message in arrived[messages:])
    ways = ", ".join(f"{number} by {to}" for to, number in sorted(by.items()))
    say(f"{len(arrived) - messages} messages arrived at the stand-ins: {ways}")
    ref = told_of(arrived[messages:])
    with signed_in(stack) as browser:
        say(f"the page that message {ref} links to: {page_shows(stack, browser, ref)}")
        others = set(REFERENCE.findall(browser.get("/").text))
    if not others:
        raise Broken("The morning list shows no alert.")
    say(f"the morning list shows {len(others)} alerts")
    return run, ref, len(arrived)
