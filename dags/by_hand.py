"""Run DAGs one after another in one process: `python dags/by_hand.py` reads lines "DAG INSTANT CONF" from standard input.

The same as `airflow dags test DAG INSTANT --conf CONF` for each line, without starting Airflow anew every time.
Answers each line with the state the run ended in. Not a DAG: .airflowignore keeps the scheduler away from it.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag


def main() -> None:
    dags = DagBag(str(Path(__file__).parent))
    answers = sys.stdout
    sys.stdout = sys.stderr  # what tasks print is not an answer
    for line in sys.stdin:
        name, instant, conf = line.split(maxsplit=2)
        dag = dags.get_dag(name)
        if dag is None:
            raise SystemExit(f"There is no DAG {name!r} in {Path(__file__).parent.name}/: {sorted(dags.dag_ids)}.")
        run = dag.test(logical_date=datetime.fromisoformat(instant), run_conf=json.loads(conf))
        print(run.state, file=answers, flush=True)


if __name__ == "__main__":
    main()
