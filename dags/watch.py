"""Every hour: is anything silent that should not be?

One task, one call: feeds that went silent or are back (each told once), messages that are stuck, and a
history that no longer verifies (each told once a day). All go to the operations destination. Silence is
never taken for safety: a machine that is down altogether cannot say so itself, so let another host look
for the newest night too (docs/operations.md).

**If it is red**: the watch itself cannot look; the log's last line says why.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    schedule=CronTriggerTimetable("15 * * * *", timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # a watch that sleeps unnoticed is worse than none
    doc_md=__doc__,
    tags=["nephrowatch", "operations"],
    default_args={
        "owner": "data-engineering",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(minutes=15),
    },
)
def watch() -> None:
    @task(task_id="watch")
    def look() -> None:
        """Report what is silent, stuck or does not verify."""
        from monitors import pipeline

        pipeline.watch()

    look()


watch()
