"""Every night: take in the feeds, check them, judge every patient, decide what is to be told, seal.

    begin >> receive >> check >> freeze >> judge (one task a shard) >> reconcile >> seal >> replay

Each task is one call of `monitors.pipeline`; only ids cross between tasks. The night is the UTC date of the
logical date, or of `run_after` when a manual trigger has none, so schedule, `airflow dags test`, trigger and
`nephrowatch run` of one date are one night. Running a night again changes nothing that was decided.

**Back-fill** a range with `airflow backfill create --dag-id nightly_labs --from-date ... --to-date ...`:
nights before the newest one judged are recorded, open no episode and tell nobody.

**If it is red**: open the log of the red task; its last line says what happened and what to do. Mend that
and clear the task: everything before it is kept, nothing is done twice.

**live** (parameter): empty decides by the clock whether this is tonight; true or false overrides it for one
run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable, Param, TriggerRule, dag, task


@dag(
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["nephrowatch", "nightly"],
    params={"live": Param(None, type=["null", "boolean"], description="empty: by the clock")},
    default_args={
        "owner": "data-engineering",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=15),
        "execution_timeout": timedelta(hours=2),
    },
)
def nightly_labs() -> None:
    @task
    def begin(dag_run: Any) -> int:
        """The run of this night; one per night, however it is started."""
        from monitors import pipeline

        return pipeline.begin(pipeline.night_of_run(dag_run.logical_date, dag_run.run_after))

    @task
    def receive(run: int) -> list[int]:
        """Keep and register every new file, as it came."""
        from monitors import pipeline

        return pipeline.receive(run)

    @task
    def check(run: int) -> None:
        """Every row ends as stored, already known, or quarantined with a reason."""
        from monitors import pipeline

        pipeline.check(run)

    @task
    def freeze(run: int, params: Any) -> list[int]:
        """Settle what is known tonight, and cut the patients into shards."""
        from monitors import pipeline

        return pipeline.freeze(run, live=params["live"])

    @task
    def judge(shard: int) -> None:
        """Judge every patient of one shard against every rule."""
        from monitors import pipeline

        pipeline.judge(shard)

    # No patients means no shards, and then judge is skipped: the night is still reconciled and sealed.
    @task(trigger_rule=TriggerRule.NONE_FAILED, outlets=[Asset("nephrowatch://alerts")])
    def reconcile(run: int) -> None:
        """Findings and open episodes become changes; each is recorded with what is to be sent."""
        from monitors import pipeline

        pipeline.reconcile(run)

    @task
    def seal(run: int) -> None:
        """Write the night's counts into the history and close it."""
        from monitors import pipeline

        pipeline.seal(run)

    @task
    def replay(run: int) -> None:
        """Make a few past nights' alerts again; one that comes out otherwise goes to operations."""
        from monitors import pipeline

        pipeline.history_replay(sample=2, seed=run, tell=True)

    night = begin()
    shards = freeze(night)
    receive(night) >> check(night) >> shards >> judge.expand(shard=shards) >> reconcile(night) >> seal(night) >> replay(night)


nightly_labs()
