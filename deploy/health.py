"""Is this container's service well? Exit code 0 or 1, and one line. Imports little: it runs every few seconds.

http URL               answers with 200
port N...              something takes connections at each port of this machine
job KIND               Airflow's job of this kind on this host was heard of lately (SchedulerJob, DagProcessorJob, TriggererJob)
fresh FILE             a file was touched lately
worker                 this host's Celery worker answers through the broker
"""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request

LATELY = 30  # seconds; who touches a file does so every five
HEARD = 90  # seconds; Airflow's jobs write every five to ten


def http(url: str) -> str:
    with urllib.request.urlopen(url, timeout=8) as answer:  # noqa: S310  (our own address, from docker-compose.yml)
        return f"{url}: {answer.status}"


def port(*numbers: str) -> str:
    for number in numbers:
        socket.create_connection(("127.0.0.1", int(number)), timeout=3).close()
    return f"ports {', '.join(numbers)} are open"


def job(kind: str) -> str:
    import psycopg

    with psycopg.connect(_secret("airflow_database_url").replace("+psycopg", ""), connect_timeout=5) as session:
        age = session.execute(
            "SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job"
            " WHERE job_type = %s AND state = 'running' AND hostname = ANY(%s)",
            (kind, [socket.gethostname(), socket.getfqdn()]),
        ).fetchone()
    if age is None or age[0] is None:
        raise LookupError(f"no {kind} of {socket.gethostname()} runs")
    if age[0] > HEARD:
        raise LookupError(f"{kind} was last heard of {age[0]:.0f} s ago")
    return f"{kind} was heard of {age[0]:.0f} s ago"


def fresh(file: str) -> str:
    age = time.time() - os.stat(file).st_mtime
    if age > LATELY:
        raise LookupError(f"{file} was touched {age:.0f} s ago")
    return f"{file} was touched {age:.0f} s ago"


def worker() -> str:
    from celery import Celery

    name = f"celery@{socket.gethostname()}"
    app = Celery(broker=_secret("celery_broker_url"))
    if not app.control.ping(destination=[name], timeout=10):
        raise LookupError(f"{name} does not answer")
    return f"{name} answers"


def _secret(name: str) -> str:
    with open(f"/run/secrets/{name}", encoding="utf-8") as file:
        return file.read().strip()


if __name__ == "__main__":
    try:
        print({"http": http, "port": port, "job": job, "fresh": fresh, "worker": worker}[sys.argv[1]](*sys.argv[2:]))
    except (OSError, LookupError) as problem:
        sys.exit(f"{sys.argv[1]}: {problem}")
