"""Whenever a night was reconciled, and every five minutes: send what waits in the outbox.

One task, one call. What to send was decided and recorded before; this sends it, tries again what was
deferred, and records each attempt. Two deliveries at once send nothing twice. Retries of a message belong to
the outbox, so the task itself is tried again only once.

**If it is red**: the log names the destination that cannot be used. Nothing is lost meanwhile; messages wait.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag, task


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
        assets=[Asset("nephrowatch://alerts")],
    ),
    start_date=datetime(2000, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # a night whose messages nobody sends would look like a quiet night
    doc_md=__doc__,
    tags=["nephrowatch", "delivery"],
    default_args={
        "owner": "data-engineering",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=30),
    },
)
def deliver_alerts() -> None:
    @task
    def deliver() -> None:
        """Send every message that is due."""
        from monitors import pipeline

        pipeline.deliver()

    deliver()


deliver_alerts()
