"""`make compose-test`: docker-compose.yml on a real Docker engine, as docs/install.md tells it, once for each executor.

    python -m tests.compose [--executor LocalExecutor|CeleryExecutor] [--keep]

It brings the stack up in a folder of its own, lets a night run, looks at messages and page, kills every container in turn, lets
the night run again on files that came late, takes the stack down and up again, and removes it. Where images cannot be pulled
(Debian, as root), stand-ins are made and named. Prints what it sees with the seconds since it began; ends with 1 and a sentence
at the first thing amiss.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.compose import night
from tests.compose.stack import ENDS, ROOT, Broken, Stack, free_port, run, say

IMAGES = {
    "NEPHROWATCH_BASE": "python:3.11.14-slim-bookworm", "POSTGRES_IMAGE": "postgres:18.1-bookworm",
    "REDIS_IMAGE": "redis:7.4.2-bookworm",
}  # fmt: skip
IMAGE = "nephrowatch-compose-test:0.1.0"
EXECUTORS = ("LocalExecutor", "CeleryExecutor")
SHARD_ROWS = 2_000  # small shards, so that there are several to be shared out
STAND_IN = "nephrowatch.stand-in"
UP, BACK = 900, 300  # seconds for a stack to come up, and for one container to come back


def images() -> bool:
    """Have the three images of others, pulled or made. Returns whether Python's is a stand-in."""
    for image in IMAGES.values():
        known = subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0
        if not known and subprocess.run(["docker", "pull", "-q", image], capture_output=True, timeout=600).returncode:
            say(f"{image} cannot be pulled: making stand-ins")
            run("sh", "tests/compose/stand-ins", *IMAGES.values(), patience=1200, folder=ROOT)
            break
    marks = {i: run("docker", "image", "inspect", "-f", f'{{{{index .Config.Labels "{STAND_IN}"}}}}', i, patience=60).strip()
             for i in IMAGES.values()}  # fmt: skip
    for image, mark in marks.items():
        say(f"{image}: {f'a STAND-IN, {mark}' if mark else 'the real image'}")
    return bool(marks[IMAGES["NEPHROWATCH_BASE"]])


def copy(folder: Path) -> None:
    """The checkout as Git sees it, changes included; no secrets, no data."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", patience=60, folder=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def wheels(folder: Path) -> None:
    """A stand-in's pip knows no package index; this machine's does (deploy/wheels/README.md)."""
    lock = folder / "runtime.lock"
    names = run(sys.executable, "deploy/runtime_lock.py", "requirements.lock", "requirements.in", patience=60, folder=folder)
    lock.write_text(re.sub(r" ; python_full_version < \S+", "", names), encoding="utf-8")  # Debian's Python is an older 3.11
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock),
        "-d", "deploy/wheels", patience=1200, folder=folder)  # fmt: skip
    say(f"{len(list((folder / 'deploy/wheels').glob('*.whl')))} wheels fetched by this machine, hashes checked")


def prepare(folder: Path, executor: str, web: int, airflow: int) -> None:
    """What docs/install.md says to do before `up`, with ports that are free."""
    run("sh", "deploy/prepare", "--demo", patience=60, folder=folder)
    settings = [f"NEPHROWATCH_IMAGE={IMAGE}", f"NEPHROWATCH_WEB_PORT={web}", f"NEPHROWATCH_AIRFLOW_PORT={airflow}"]
    site = folder / "deploy/local/config/site.yaml"
    text = site.read_text(encoding="utf-8").replace("http://127.0.0.1:18080/", f"http://127.0.0.1:{web}/")
    if executor == "CeleryExecutor":
        settings += ["NEPHROWATCH_EXECUTOR=CeleryExecutor", "COMPOSE_PROFILES=demo,celery"]
        text += f"shard_rows: {SHARD_ROWS}\n"
    site.write_text(text, encoding="utf-8")
    with (folder / ".env").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", *settings, ""]))


@contextmanager
def standing(executor: str, keep: bool, by_wheels: bool) -> Iterator[Stack]:
    """A stack that is built and prepared; whatever happens, it is taken down with its data, unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="nephrowatch-compose-"))
    web, airflow = free_port(), free_port()
    stack = Stack(folder, f"nephrowatch-test-{executor.lower()}", web, airflow)
    try:
        copy(folder)
        if by_wheels:
            wheels(folder)
        prepare(folder, executor, web, airflow)
        stack.compose("down", "-v", "--remove-orphans")  # of a run that was broken off
        stack.compose("build", patience=1800)
        size = int(run("docker", "image", "inspect", "-f", "{{.Size}}", IMAGE, patience=60))
        say(f"built {IMAGE}: {size / 1e6:.0f} MB")
        yield stack
    finally:
        if keep:
            say(f"kept: docker-compose -p {stack.project} in {folder}")
        else:
            stack.compose("down", "-v", "--remove-orphans", patience=300)
            shutil.rmtree(folder, ignore_errors=True)
            say("the stack is gone, its folder too")


def up(stack: Stack) -> None:
    stack.compose("up", "-d", patience=UP)
    stack.until_well(UP)
    if paused := night.paused(stack):
        raise Broken(f"DAGs are paused: {', '.join(paused)}.")
    lasting = sorted(set(stack.containers()) - set(ENDS))
    say(f"up; {len(lasting)} services healthy ({', '.join(lasting)}); init and feeder ended with 0; no DAG paused")


def sizes(stack: Stack) -> None:
    names = {one.name: one.service for one in stack.containers().values() if one.service not in ENDS}
    lines = run("docker", "stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *names, patience=60).splitlines()
    used = {names[name]: usage.split(" / ")[0] for name, usage in (line.split("\t") for line in lines)}
    say(f"memory: {', '.join(f'{service} {usage}' for service, usage in sorted(used.items()))}")
    say(f"connections to the database: {stack.most} at most during the night, {night.sql(stack, night.CONNECTIONS)} now")


def spread(stack: Stack, name: str) -> None:
    """The shards of a night were judged on both workers."""
    hosts = Counter(host for task, _, host in night.tasks(stack, name) if task == "judge")
    say(f"judge ran on {', '.join(f'{host} ({shards} shards)' for host, shards in sorted(hosts.items()))}")
    if set(hosts) != {"worker-1", "worker-2"}:
        raise Broken(f"The shards of {name} were not judged on both workers: {dict(hosts)}.")


def kill_each(stack: Stack) -> None:
    for service in sorted(set(stack.containers()) - set(ENDS)):
        before = stack.kill(service)
        stack.came_back(before, BACK)
        say(f"{service} killed (SIGKILL, process {before.pid} of this machine): healthy again")
    stack.until_well(BACK)
    restarts = {one.service: one.restarts for one in stack.containers().values() if one.restarts > 1}
    twice = ", ".join(f"{service} ({number} times)" for service, number in sorted(restarts.items()))
    say(f"every service is healthy; those that ended with another and were started again, too: {twice or 'none'}")


def well(stack: Stack) -> None:
    """Its own checks, asked where the tasks run: the history verifies, the doctor finds no fault (notes are none)."""
    for words in (("history", "verify"), ("doctor", "--all")):
        said = stack.compose("exec", "-T", "airflow-scheduler", "nephrowatch", *words, patience=300).strip().splitlines()
        say(f"nephrowatch {' '.join(words)}: {said[-1] if words[0] == 'doctor' else said[0]}")


def life(stack: Stack, celery: bool) -> None:
    """All that is to be seen of one stack."""
    up(stack)
    first, _, messages = night.see(stack, set(), 0)
    if celery:
        spread(stack, first)
    sizes(stack)
    kill_each(stack)
    before = set(night.runs(stack))
    stack.compose("run", "--rm", "feeder", "python", "-m", "monitors.demo.feeder", "--late", patience=300)
    say("the last day's files are brought, late; nightly_labs is started again")
    second, ref, _ = night.see(stack, before, messages)
    if celery:
        spread(stack, second)
    well(stack)

    volumes = stack.volumes()
    stack.compose("down", patience=300)
    if stack.containers() or stack.volumes() != volumes:
        raise Broken(f"After `down` there are containers {list(stack.containers())} and volumes {sorted(stack.volumes())}.")
    say(f"down: no container left, {len(volumes)} volumes kept ({', '.join(sorted(volumes))})")
    up(stack)
    with night.signed_in(stack) as browser:
        say(f"up again: the page that message {ref} links to: {night.page_shows(stack, browser, ref)}")
    stack.compose("down", "-v", patience=300)
    if stack.containers() or stack.volumes():
        raise Broken(f"After `down -v` there are containers {list(stack.containers())} and volumes {sorted(stack.volumes())}.")
    say("down -v: no container and no volume left")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--executor", choices=EXECUTORS, help="only this one; default: both, one after the other")
    parser.add_argument("--keep", action="store_true", help="leave the stack as it is at the end or at the first fault")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("compose-test: told to stop."))  # what is up is taken down first
    if subprocess.run(["docker", "version"], capture_output=True).returncode:
        sys.exit("compose-test: no Docker engine answers. Start one (as root: dockerd), or join its group, then try again.")
    try:
        engine = run("docker", "version", "-f", "{{.Server.Version}}", patience=60).strip()
        by_wheels = images()
        for executor in [given.executor] if given.executor else EXECUTORS:
            with standing(executor, given.keep, by_wheels) as stack:
                say(f"{executor}: Docker {engine}, {' '.join(stack.command)}")
                life(stack, executor == "CeleryExecutor")
        say("everything held")
    except (Broken, httpx.HTTPError) as problem:
        sys.exit(f"compose-test: {problem}")


if __name__ == "__main__":
    main()
