"""What every DAG must be: thin, tagged, owned, documented, in UTC, and quick to import.

The source rules are checked by reading the files; each check is first shown a bad DAG, so that its message
is tested too. Then a real Airflow imports the folder, and walks the DAGs with a pipeline that only records
how it was called.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_support import ROOT, Airflow

IGNORED = set((ROOT / "dags" / ".airflowignore").read_text(encoding="utf-8").split())
DAGS = sorted(path for path in (ROOT / "dags").glob("*.py") if path.name not in IGNORED)
TAGS = {"nephrowatch", "nightly", "delivery", "operations"}
TOP_LEVEL_IMPORTS = {"airflow.sdk", "__future__"} | set(sys.stdlib_module_names)
IDS = {"int", "list[int]", "None"}


# ------------------------------------------------------------------------------------- reading the source
def tasks_in(tree: ast.Module) -> list[ast.FunctionDef]:
    """Every function decorated with @task or @task(...)."""

    def is_task(decorator: ast.expr) -> bool:
        name = decorator.func if isinstance(decorator, ast.Call) else decorator
        return ast.unparse(name).split(".")[0] == "task"

    return [
        node for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(is_task(decorator) for decorator in node.decorator_list)
    ]  # fmt: skip


def thick_tasks(tree: ast.Module) -> list[str]:
    found = []
    for task in tasks_in(tree):
        body = [part for part in task.body if not isinstance(part, ast.Import | ast.ImportFrom)]
        body = body[1:] if ast.get_docstring(task) else body
        if len(body) != 1 or not isinstance(body[0], ast.Return | ast.Expr):
            found.append(
                f"task '{task.name}' has {len(body)} statements; a task is one call of monitors.pipeline, "
                "so that `nephrowatch run` does the same: move the rest into a function there"
            )
        elif not ast.unparse(body[0]).removeprefix("return ").startswith("pipeline."):
            found.append(f"task '{task.name}' does not call monitors.pipeline: put its work there")
        if ast.get_docstring(task) is None:
            found.append(f"task '{task.name}' has no docstring; Airflow shows it to whoever is on call")
    return found


def wide_xcoms(tree: ast.Module) -> list[str]:
    found = []
    for task in tasks_in(tree):
        returns = ast.unparse(task.returns) if task.returns else "nothing declared"
        if returns not in IDS:
            found.append(
                f"task '{task.name}' returns {returns}; only ids cross between tasks (int, list[int], None), "
                "as XCom is stored unmasked: keep the data in the database and pass its id"
            )
    return found


def heavy_imports(tree: ast.Module) -> list[str]:
    found = []
    for node in tree.body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        found += [
            f"line {node.lineno} imports {name} at the top; the scheduler reads this file every few seconds, "
            "so move the import into the task"
            for name in names
            if name not in TOP_LEVEL_IMPORTS and name.split(".")[0] not in sys.stdlib_module_names
        ]
    return found


def work_at_import(tree: ast.Module) -> list[str]:
    """Anything at the top but imports, the DAG function, and its bare call."""
    flows = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    def allowed(node: ast.stmt) -> bool:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef):
            return True
        if not isinstance(node, ast.Expr):
            return False
        if isinstance(node.value, ast.Constant):
            return True
        call = node.value
        return isinstance(call, ast.Call) and not call.args and ast.unparse(call.func) in flows

    return [
        f"line {node.lineno} does work when the file is read ({ast.unparse(node)[:40]}); "
        "a DAG file only declares: move it into a task or a setting"
        for node in tree.body
        if not allowed(node)
    ]


Check = Callable[[ast.Module], list[str]]
CHECKS: list[Check] = [thick_tasks, wide_xcoms, heavy_imports, work_at_import]


@pytest.mark.parametrize("path", DAGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_dag_source_follows_the_rules(path: Path, check: Check) -> None:
    if problems := check(ast.parse(path.read_text(encoding="utf-8"))):
        pytest.fail("\n".join(f"dags/{path.name}: {problem}" for problem in problems), pytrace=False)


TWO_STEPS = """
@task
def judge(shard: int) -> None:
    'Judge.'
    frame = read(shard)
    pipeline.judge(frame)
"""
OWN_WORK = """
@task
def judge(shard: int) -> None:
    'Judge.'
    requests.get("http://x")
"""
WIDE = """
@task(retries=1)
def receive(run: int) -> dict[str, str]:
    'Receive.'
    return pipeline.receive(run)
"""
BARE = """
@task
def seal(run):
    pipeline.seal(run)
"""


@pytest.mark.parametrize(
    ("check", "source", "message"),
    [
        (thick_tasks, TWO_STEPS, "task 'judge' has 2 statements; a task is one call of monitors.pipeline"),
        (thick_tasks, OWN_WORK, "task 'judge' does not call monitors.pipeline"),
        (thick_tasks, BARE, "task 'seal' has no docstring"),
        (wide_xcoms, WIDE, "task 'receive' returns dict[str, str]; only ids cross between tasks"),
        (wide_xcoms, BARE, "task 'seal' returns nothing declared"),
        (heavy_imports, "import pandas as pd\n", "line 1 imports pandas at the top"),
        (heavy_imports, "from monitors import pipeline\n", "line 1 imports monitors at the top"),
        (heavy_imports, "from airflow.models import Variable\n", "line 1 imports airflow.models at the top"),
        (work_at_import, "UNITS = open('units').read()\n", "line 1 does work when the file is read (UNITS"),
        (work_at_import, "def flow(): ...\nprint('hello')\n", "line 2 does work when the file is read"),
    ],
)
def test_a_bad_dag_is_told_what_to_do(check: Check, source: str, message: str) -> None:
    [problem] = check(ast.parse(source))

    assert problem.startswith(message)


# ------------------------------------------------------------------------------------ asking a real Airflow
ABOUT_ALL = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
about = {
    "import_errors": bag.import_errors,
    "warnings": {file: list(texts) for file, texts in bag.captured_warnings.items()},
    "heavy": sorted({"pandas", "great_expectations", "monitors.pipeline"} & set(sys.modules)),
    "dags": {
        dag.dag_id: {
            "tags": sorted(dag.tags),
            "doc": dag.doc_md or "",
            "zone": str(dag.timezone),
            "cron_zone": str(getattr(dag.timetable, "timetable", dag.timetable).timezone),
            "catchup": dag.catchup,
            "tasks": {
                task.task_id: [task.owner, task.retries, bool(task.execution_timeout)] for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}
"""

WALK = """
import types
from datetime import UTC, datetime
import monitors

calls, shards = [], []
pipeline = types.ModuleType("monitors.pipeline")

def record(name, answer=lambda: None):
    def call(*positional, **named):
        calls.append([name, *map(str, positional), *(f"{key}={value}" for key, value in named.items())])
        return answer()
    setattr(pipeline, name, call)

record("begin", lambda: 17)
record("receive", lambda: [1, 2])
record("freeze", lambda: shards)
for name in ("check", "judge", "reconcile", "seal", "history_replay", "deliver", "watch"):
    record(name)
pipeline.night_of_run = lambda logical_date, run_after: (logical_date or run_after).astimezone(UTC).date()
sys.modules["monitors.pipeline"] = monitors.pipeline = pipeline

for dag in bag.dags.values():
    for task in dag.tasks:
        task.retries = 0  # a failure shall show at once

def walk(dag_id, **how):
    calls.clear()
    run = bag.get_dag(dag_id).test(**how)
    states = {task.task_id: str(task.state) for task in run.get_task_instances()}
    return {"state": str(run.state), "calls": list(calls), "states": states}

walks = {
    "no patients": walk("nightly_labs", logical_date=datetime(2026, 4, 15, tzinfo=UTC)),
    "deliver": walk("deliver_alerts"),
    "watch": walk("watch"),
}
shards[:] = [5, 6, 7]
triggered = datetime(2026, 4, 16, 23, 59, tzinfo=UTC)
walks["three shards"] = walk("nightly_labs", logical_date=None, run_after=triggered, run_conf={"live": True})
json.dump({"about": about, "walks": walks}, open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """About every DAG, then walks through them; one process, as Airflow takes seconds to import."""
    return Airflow(tmp_path_factory.mktemp("airflow")).migrate().answer(ABOUT_ALL + WALK)


@pytest.fixture
def about(answers: Any) -> Any:
    return answers["about"]


@pytest.fixture
def walks(answers: Any) -> Any:
    return answers["walks"]


@pytest.mark.airflow
def test_every_dag_file_imports_cleanly_and_gives_the_dag_of_its_name(about: Any) -> None:
    assert about["import_errors"] == {}
    assert about["warnings"] == {}
    assert sorted(about["dags"]) == [path.stem for path in DAGS]


@pytest.mark.airflow
def test_reading_the_dags_loads_nothing_heavy(about: Any) -> None:
    assert about["heavy"] == [], "import it inside the task: the scheduler reads DAG files again and again"


@pytest.mark.airflow
def test_every_dag_is_tagged_from_the_closed_list(about: Any) -> None:
    for name, dag in about["dags"].items():
        assert "nephrowatch" in dag["tags"], f"dags/{name}.py lacks the tag 'nephrowatch'"
        assert set(dag["tags"]) <= TAGS, f"dags/{name}.py has a tag outside {sorted(TAGS)}"


@pytest.mark.airflow
def test_every_dag_tells_whoever_is_on_call_what_to_do(about: Any) -> None:
    for name, dag in about["dags"].items():
        assert "**If it is red**" in dag["doc"], f"dags/{name}.py: doc_md=__doc__ needs 'If it is red'"


@pytest.mark.airflow
def test_every_schedule_is_in_utc_and_catches_nothing_up(about: Any) -> None:
    for name, dag in about["dags"].items():
        zones = (dag["zone"], dag["cron_zone"])
        assert zones == ("UTC", "UTC"), f"dags/{name}.py: use UTC; clock changes move every other zone"
        assert dag["catchup"] is False, f"dags/{name}.py: nights are made up for by a back-fill, on purpose"


@pytest.mark.airflow
def test_every_task_has_an_owner_retries_and_a_time_limit(about: Any) -> None:
    for name, dag in about["dags"].items():
        for task, (owner, retries, limited) in dag["tasks"].items():
            assert owner != "airflow", f"dags/{name}.py, {task}: set owner in default_args"
            assert retries >= 1, f"dags/{name}.py, {task}: set retries in default_args"
            assert limited, f"dags/{name}.py, {task}: set execution_timeout; a hang would block the next run"


@pytest.mark.airflow
def test_a_manual_trigger_is_the_night_it_runs_after_and_only_ids_cross(walks: Any) -> None:
    walk = walks["three shards"]

    before, judged, after = walk["calls"][:4], walk["calls"][4:7], walk["calls"][7:]
    assert before[0] == ["begin", "2026-04-16"]
    assert before[1:] == [["receive", "17"], ["check", "17"], ["freeze", "17", "live=True"]]
    assert sorted(judged) == [["judge", "5"], ["judge", "6"], ["judge", "7"]]  # in whatever order
    assert after == [["reconcile", "17"], ["seal", "17"], ["history_replay", "sample=2", "seed=17", "tell=True"]]
    assert walk["state"] == "success"


@pytest.mark.airflow
def test_a_night_without_patients_is_still_reconciled_and_sealed(walks: Any) -> None:
    walk = walks["no patients"]

    assert walk["calls"] == [
        ["begin", "2026-04-15"],
        ["receive", "17"],
        ["check", "17"],
        ["freeze", "17", "live=None"],
        ["reconcile", "17"],
        ["seal", "17"],
        ["history_replay", "sample=2", "seed=17", "tell=True"],
    ]
    assert walk["states"]["judge"] == "skipped"
    assert walk["state"] == "success"


@pytest.mark.airflow
@pytest.mark.parametrize("name", ["deliver", "watch"])
def test_delivery_and_watch_are_one_call_each(walks: Any, name: str) -> None:
    assert walks[name]["calls"] == [[name]]
    assert walks[name]["state"] == "success"


# ------------------------------------------------------------------------------------- the link in Airflow's menu
PLUGINS = """
import json, sys
from airflow import plugins_manager
from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse
found = [view for plugin in plugins_manager.get_plugin_info() if plugin["name"] == "nephrowatch_pages"
         for view in plugin["external_views"]]
wanted = {"name", "href", "destination", "url_route"}
shown = [ExternalViewResponse.model_validate(view).model_dump(include=wanted) for view in found]
json.dump([shown, plugins_manager.get_import_errors()], open(sys.argv[1], "w"))
"""


@pytest.mark.parametrize("configured", [True, False])
def test_airflow_links_to_the_pages(tmp_path: Path, configured: bool) -> None:
    """As an external link, since the pages refuse a frame; without a configuration there is no link, and no error."""
    folder = ROOT / "config" if configured else tmp_path
    extra = {"AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"), "NEPHROWATCH_CONFIG": str(folder)}
    (tmp_path / "airflow").mkdir()
    link = {"name": "Nephrowatch", "href": "http://127.0.0.1:18080", "destination": "nav", "url_route": None}
    assert Airflow(tmp_path / "airflow", extra=extra).answer(PLUGINS) == [[link] if configured else [], {}]
