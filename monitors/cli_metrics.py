"""`nephrowatch metrics`: numbers for Prometheus."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from typing import Annotated

import typer
from prometheus_client import start_http_server

from monitors import database, metrics, settings
from monitors.cli_words import err


def show(
    serve: Annotated[int | None, typer.Option(min=1, max=65535, help="Serve them on this port until stopped.")] = None,
    host: Annotated[str, typer.Option(help="The address to serve on.")] = "127.0.0.1",
) -> None:
    """Print the numbers in Prometheus' text form, or serve them at /metrics. No patient and no value is in them."""
    db = database.open_database(settings.from_process())
    try:
        if serve is None:
            print(metrics.text(db, lambda: datetime.now(UTC)), end="")
            return
        server, thread = start_http_server(serve, host, metrics.registry(db, lambda: datetime.now(UTC)))
        err.print(f"Metrics at http://{host}:{serve}/metrics; Ctrl-C ends it.")
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        stopped.wait()
        server.shutdown()
        thread.join()
    finally:
        db.dispose()
