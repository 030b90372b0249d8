"""A stack of docker-compose.yml under a name and in a folder of its own: the few things that are asked of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
Answer = TypeVar("Answer")
ENDS = ("init", "feeder")  # these run once; the others for good
BEGAN = time.monotonic()


class Broken(Exception):
    """What did not hold, in one sentence."""


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


def run(*command: str, patience: float, folder: Path | None = None, **more: Any) -> str:
    """What a command says. Raises Broken when it fails or takes too long."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=patience, **more)
    except subprocess.TimeoutExpired:
        raise Broken(f"`{' '.join(command)}` was not done after {patience:.0f} s.") from None
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise Broken(f"`{' '.join(command)}` ended with {done.returncode}. Its last words:\n{last}")
    return done.stdout


def until(what: str, look: Callable[[], Answer | None], patience: float, every: float = 2.0) -> Answer:
    """What `look` finds at last; a Broken of its own is nothing. Raises Broken with `what` when nothing was found in time."""
    end, last = time.monotonic() + patience, ""
    while time.monotonic() < end:
        try:
            found = look()
        except Broken as problem:
            found, last = None, f" Last: {problem}"
        if found:
            return found
        time.sleep(every)
    raise Broken(f"{what}: not within {patience:.0f} s.{last}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Container:
    service: str
    name: str
    pid: int
    state: str  # running, exited, restarting
    health: str  # healthy, unhealthy, starting; empty without a check
    code: int
    restarts: int
    started: str


class Stack:
    """folder: a copy of the checkout with .env and deploy/local. project: the name Docker keeps its things under."""

    def __init__(self, folder: Path, project: str, web: int, airflow: int) -> None:
        self.folder, self.project = folder, project
        self.most = 0  # connections to the database seen at once
        self.web, self.airflow = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{airflow}"
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        if not plugin and not shutil.which("docker-compose"):
            raise Broken("Neither docker-compose nor `docker compose` is here: install one (Debian: docker-compose).")
        self.command = ("docker", "compose") if plugin else ("docker-compose",)

    def compose(self, *words: str, patience: float = 120) -> str:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("NEPHROWATCH_", "COMPOSE_"))}
        return run(*self.command, "-p", self.project, *words, patience=patience, folder=self.folder,
                   env=own | {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"})  # fmt: skip

    def containers(self) -> dict[str, Container]:
        """Every service's container, by service; one-off containers are left out."""
        label = f"label=com.docker.compose.project={self.project}"
        ids = run("docker", "ps", "-aq", "--filter", label, patience=60).split()
        return {one.service: one for one in self._inspected(ids)}

    def _inspected(self, ids: list[str]) -> Iterator[Container]:
        for found in json.loads(run("docker", "inspect", *ids, patience=60)) if ids else []:
            labels, state = found["Config"]["Labels"], found["State"]
            if labels.get("com.docker.compose.oneoff", "False") == "False":
                yield Container(
                    labels["com.docker.compose.service"], found["Name"].lstrip("/"), state["Pid"], state["Status"],
                    state.get("Health", {}).get("Status", ""), state["ExitCode"], found["RestartCount"], state["StartedAt"],
                )  # fmt: skip

    def volumes(self) -> set[str]:
        label = f"label=com.docker.compose.project={self.project}"
        names = run("docker", "volume", "ls", "-q", "--filter", label, patience=60).split()
        return {name.removeprefix(f"{self.project}_") for name in names}

    def unwell(self) -> list[str]:
        """What is not as it should be, in words: a service that is not healthy, one that ended wrongly or has not ended."""
        found = []
        for one in self.containers().values():
            if one.service in ENDS:
                if one.state != "exited" or one.code:
                    found.append(f"{one.service} {one.state} {one.code or ''}".strip())
            elif one.state != "running" or one.health != "healthy":
                found.append(f"{one.service} {one.state} {one.health}".strip())
        return sorted(found)

    def until_well(self, patience: float) -> None:
        """Every service healthy, every one-time step ended with 0. Raises Broken with who is not."""
        end = time.monotonic() + patience
        while unwell := self.unwell():
            failed = [one.service for one in self.containers().values() if one.service in ENDS and one.code]
            if failed or time.monotonic() > end:
                raise Broken(f"not well{'' if failed else f' after {patience:.0f} s'}: {', '.join(unwell)}.\n{self.last_words()}")
            time.sleep(2)

    def last_words(self) -> str:
        """The end of the log of each container that is not well."""
        names = [text.split()[0] for text in self.unwell()]
        return "\n".join(f"--- {name}\n{self.compose('logs', '--tail=12', name)}" for name in names)

    def kill(self, service: str) -> Container:
        """SIGKILL for the container's first process, from the host, as when memory runs out. Returns what it was."""
        before = self.containers()[service]
        os.kill(before.pid, signal.SIGKILL)
        return before

    def came_back(self, before: Container, patience: float) -> None:
        """Docker started it again by itself, and it is well."""
        def look() -> bool:
            now = self.containers()[before.service]
            return now.started != before.started and now.restarts > before.restarts and now.health == "healthy"

        until(f"{before.service} healthy again after SIGKILL", look, patience, every=1.0)
