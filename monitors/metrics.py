"""Numbers for Prometheus, read by the login that may read counts and states: no patient can be in them.

Everything is asked of the database at each scrape, so any number of workers gives one answer, and a process that died leaves
none behind. Labels are units, feeds, destinations, rules, reasons and states, all from the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from monitors.database import Database, Role, sql
from monitors.errors import NotReadyError

MUTED = timedelta(days=31)  # an inhibition is a reason for so long here; the watch, which knows the routes, is exact
QUANTILES = ("0.5", "0.95", "1")

# name, help, labels, statement, column
GAUGES: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    ("outbox_messages", "Messages by destination and state.", ("destination", "state"), "outbox", "messages"),
    ("episodes", "Episodes that have not ended.", ("unit", "severity", "state"), "episodes", "episodes"),
    ("quarantined_rows", "Rows set aside, by reason and by what was done about them.", ("feed", "reason", "state"),
     "quarantine", "rows"),
    ("received_rows", "Rows ever received.", ("feed",), "feeds", "received"),
    ("feed_age_seconds", "Since the newest file with a usable row.", ("feed",), "feeds", "age_seconds"),
    ("feed_alarms", "Open alarms of feeds that are silent.", ("feed", "unit", "kind"), "alarms", "alarms"),
    ("findings", "Patients by rule and outcome, as of the newest live night.", ("rule", "outcome"), "findings", "patients"),
    ("night_timestamp_seconds", "The newest sealed live night, as midnight UTC of its date.", (), "night", "night"),
    ("sealed_timestamp_seconds", "When the newest live night was sealed.", (), "night", "sealed"),
    ("run_duration_seconds", "From its beginning to its seal, of the newest live night.", (), "night", "seconds"),
    ("ledger_entries", "Entries of the ledger.", (), "ledger", "entries"),
)  # fmt: skip


class Numbers(Collector):
    """Every metric, read anew at each scrape. clock: now, with zone."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db, self._clock = db, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families; with a database that cannot be reached, `nephrowatch_up` 0 and nothing else."""
        up = GaugeMetricFamily("nephrowatch_up", "Whether the database could be read.")
        try:
            found = list(self._families())
        except NotReadyError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return []  # asked for at registration, when nothing has to be read

    def _families(self) -> Iterator[GaugeMetricFamily]:
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for name, says, labels, statement, column in GAUGES:
            family = GaugeMetricFamily(f"nephrowatch_{name}", says, labels=labels)
            rows.setdefault(statement, [])
            if not rows[statement]:
                rows[statement] = self._rows(statement)
            for row in rows[statement]:
                if row[column] is not None:
                    family.add_metric([str(row[label]) for label in labels], float(row[column]))
            yield family
        yield _oldest(rows["outbox"])
        yield self._untold()
        yield self._times("delivery_seconds", "From decision to receipt, delivered in the last day.", "delivery", ())
        says = "From the first telling to the first person, in the last 30 days."
        yield self._times("acknowledge_seconds", says, "acknowledged", ("severity",))

    def _untold(self) -> GaugeMetricFamily:
        """What the watch asks every hour, by the same statement."""
        says = "Open HIGH or CRITICAL episodes told to nobody, without a reason. Anything but 0 is a defect."
        with self._db.begin(Role.READER) as connection:
            untold = len(connection.execute(sql("watch/untold"), {"muted_since": self._clock().date() - MUTED}).all())
        return GaugeMetricFamily("nephrowatch_untold_episodes", says, value=untold)

    def _times(self, name: str, says: str, statement: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(f"nephrowatch_{name}", says, labels=(*labels, "quantile"))
        for row in self._rows(statement):
            for quantile, seconds in zip(QUANTILES, row["seconds"] or (), strict=False):
                family.add_metric([*(str(row[label]) for label in labels), quantile], float(seconds))
        return family

    def _rows(self, statement: str) -> list[Mapping[str, Any]]:
        with self._db.begin(Role.READER) as connection:
            return [dict(row) for row in connection.execute(sql(f"metrics/{statement}"), {"now": self._clock()}).mappings()]


def _oldest(rows: list[Mapping[str, Any]]) -> GaugeMetricFamily:
    says = "Age of the oldest message that waits."
    family = GaugeMetricFamily("nephrowatch_outbox_oldest_seconds", says, labels=("destination",))
    for destination in sorted({row["destination"] for row in rows}):
        ages = [row["oldest_seconds"] for row in rows if row["destination"] == destination]
        family.add_metric([destination], max(ages))
    return family


def registry(db: Database, clock: Callable[[], datetime]) -> CollectorRegistry:
    """A registry of these numbers alone: nothing of the process that serves them."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Numbers(db, clock))
    return made


def text(db: Database, clock: Callable[[], datetime]) -> str:
    """The numbers in Prometheus' text form."""
    return generate_latest(registry(db, clock)).decode()
