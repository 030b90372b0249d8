"""The rules of docs/architecture.md, checked by reading the source.

Each check takes texts and gives sentences a newcomer can act on; each is shown a planted violation first,
so a check that has gone blind fails here too.
"""


from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "monitors"

# The pure core, from the ground up: a room may import those of its own step and below.
STEPS = [
    {"records", "units", "errors", "documents", "people", "memory"}, {"draws", "measures"}, {"trends"}, {"rules"},
    {"alerts", "limbs", "digest"},
]  # fmt: skip
CORE = set().union(*STEPS)
STORE = {"database", "columnar", "embedded", "logins", "logs", "migrating", "settings"}  # how to reach PostgreSQL
STAGES = {
    "feeds", "quality", "store", "knowledge", "judgement", "episodes", "night_list", "delivery", "history",
}  # fmt: skip
PARTS = {
    "destinations": "config",
    "episode_pages": "episodes", "episode_records": "episodes", "feed_model": "config", "fact_model": "config",
    "inputs": "config", "routing": "config", "route_checks": "config", "routes": "config",
    "drawn": "rules", "drawn_files": "rules",
    "rule_status": "rules", "rehearsal": "alerts", "human": "alerts", "reopening": "alerts", "change_words": "alerts",
    "muting": "alerts", "episode_mutes": "episodes", "cli_silences": "cli", "silences": "stages",
    "actions": "stages", "deadlines": "stages", "hours": "config", "replay": "stages", "erasing": "stages",
    "messages": "stages", "review": "stages", "backtest": "stages", "why": "stages", "burden": "stages",
    "alarms": "stages", "tell": "stages", "checking": "stages", "receiving": "stages", "mending": "stages", "tried": "stages",
    "store_aside": "store", "store_batch": "store", "store_claims": "store", "store_keys": "store", "store_labs": "store",
    "store_identity": "store", "store_links": "store", "store_reads": "store", "store_rows": "store", "quarantine": "store",
    "quality_gates": "quality", "quality_suite": "quality", "criticals": "quality", "quality_docs": "quality",
    "cli_alerts": "cli", "cli_routes": "cli", "cli_rule_tests": "cli",
    "cli_delivery": "cli", "cli_feeds": "cli", "cli_quarantine": "cli", "cli_rules": "cli", "cli_words": "cli", "cli_web": "cli",
    "cli_doctor": "cli", "cli_metrics": "cli", "cli_history": "cli", "sealing": "stages", "cli_database": "cli",
    "cli_listen": "cli",  "presses": "stages", "detail_leaves": "stages", "cli_destinations": "cli", "cli_why": "cli",
}  # one room over several modules
FLOW = {"pipeline", "stages"}  # the only ones that know every stage
DOORS = {"cli", "demo", "doctor", "metrics", "rulebook", "simulate", "web"}  # what people start; nothing imports them

PURE_PACKAGES = {"numpy", "pandas", "pydantic", "yaml", "monitors"}
IMPURE_MODULES = {
    "asyncio", "ftplib", "glob", "http", "importlib", "io", "os", "pathlib", "random", "secrets", "shutil", "smtplib",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
IMPURE_CALLS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "dt.datetime.now", "dt.date.today", "open", "print",
    "pd.Timestamp.now", "pd.Timestamp.utcnow", "pd.Timestamp.today", "np.random", "pd.read_csv", "pd.read_sql", "input",
}  # fmt: skip

# Longer than that, and why that reads better than a split.
LONG = {
    "alerts.py": "one decision table: every reason an episode changes or a telling is withheld, in one place",
    "feed_model.py": "the shape of a feed, one class per part",
    "config.py": "every file of the configuration folder, and the cross-references between them",
    "quarantine.py": "the three things people do about a file that was set aside, and the books of each",
    "database.py": "the one way to PostgreSQL: statements, transactions, bulk reads, bootstrap, migration",
    "embedded.py": "the life of the embedded server, as root and not as root",
    "knowledge.py": "the as-of reads of results, medications and census",
    "measures.py": "every derived measure with its source",
    "history/nephrowatch_verify.py": "the verifier an auditor takes along: one file on purpose",
    "pipeline.py": "every stage and every action of a person, one short function each: the list of what can be done",
    "records.py": "the nouns, in one place",
}
LIMIT = 260  # "most under 250" (design); a few lines more need no reason


def room(place: str) -> str:
    """monitors.rules.judge or rules/judge.py -> rules; monitors -> ''."""
    name = place.removeprefix("monitors").lstrip(".").removesuffix(".py").replace("/", ".").split(".")[0]
    return PARTS.get(name, name)


def imports(source: str) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, `from monitors import x` as monitors.x; TYPE_CHECKING counts too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level + (node.module or "")
            elif node.module == "monitors":
                yield from ((node.lineno, f"monitors.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module or ""


def may_import(name: str) -> set[str]:
    """The rooms a room may import."""
    for height, step in enumerate(STEPS):
        if name in step:
            return set().union(*STEPS[: height + 1])
    if name in STORE:
        return STEPS[0] | STORE
    if name == "config":
        return CORE | {"config"}
    if name in STAGES:
        return CORE | {"config", "database", "settings", name}
    if name in FLOW:
        return CORE | STORE | STAGES | FLOW | {"config"}
    if name == "cli":
        return STEPS[0] | {"config", "database", "logs", "settings", "pipeline", "cli", "web", "doctor", "metrics"}
    return CORE | STORE | STAGES | FLOW | DOORS | {"config"}  # the demo drives everything


def remedy(name: str) -> str:
    if name in CORE:
        return "the pure core rests on what lies below it only (docs/architecture.md); move this to the stage that calls it"
    if name in STAGES:
        return "a stage knows the core, config and database, never another stage; let pipeline pass the data along"
    if name in STORE:
        return "reaching the database knows nothing of what is stored; move this to the stage that needs it"
    return "imports run one way (docs/architecture.md); let the caller pass it in"


def wrong_imports(path: str, source: str) -> list[str]:
    """Imports against the one direction, in a module of monitors/ (`path` from there, like rules/judge.py)."""
    name = room(path)
    found = []
    for line, module in imports(source):
        where, top = f"monitors/{path}:{line} imports {module}", module.split(".")[0]
        if module.startswith("."):
            found.append(f"{where}: write the full name, monitors...., so that it can be found by searching")
        elif top == "monitors" and module != "monitors" and room(module) not in may_import(name):
            found.append(f"{where}: {remedy(name)}")
        elif top == "airflow":
            found.append(f"{where}: only dags/ knows Airflow, so that a night runs without it; pass what you need in")
        elif name in CORE and top not in PURE_PACKAGES and top not in sys.stdlib_module_names:
            found.append(f"{where}: the pure core may use numpy, pandas, pydantic and yaml only; move the I/O to a stage")
        elif name in CORE and top in IMPURE_MODULES:
            found.append(f"{where}: the pure core reads no clock, file, network or environment; make it an argument")
    return found


def unknown_rooms(names: Iterable[str]) -> list[str]:
    known = CORE | STORE | STAGES | FLOW | DOORS | {"config", "__init__"}
    return [
        f"monitors/{name} stands in no row of tests/test_architecture.py: decide whether it is core, stage or store, "
        "and write it into docs/architecture.md too"
        for name in names
        if name not in known
    ]


def impure_calls(path: str, source: str) -> list[str]:
    """Clock, environment, randomness and files inside the pure core."""
    found = []
    for node in ast.walk(ast.parse(source)):
        text = ""
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
        elif isinstance(node, ast.Attribute):
            text = ast.unparse(node)
        if text in IMPURE_CALLS or text.startswith(("os.", "time.time", "np.random.", "random.")):
            found.append(
                f"monitors/{path}:{getattr(node, 'lineno', 0)} uses {text}: in the core, time and chance are arguments; "
                "let pipeline pass them in"
            )
    return found


def sql_outside_database(path: str, source: str) -> list[str]:
    """Statements in Python, or sql/ opened by anybody but database.py."""
    name = room(path)
    if name in STORE:
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        where = f"monitors/{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("exec_driver_sql", "read_sql"):
            found.append(f"{where} runs SQL text: put it into sql/<stage>/<name>.sql and ask database.sql for it")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("sa.text", "sqlalchemy.text"):
            found.append(f"{where} holds SQL text: put it into sql/<stage>/<name>.sql and ask database.sql for it")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\S*\.sql|sql/?", node.value):
            found.append(f"{where} names {node.value!r}: only database.py opens sql/; use database.sql('stage/name')")
    return found


def statements(text: str) -> int:
    """How many statements an SQL text holds; comments, quotes and $$ bodies do not count."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|\"[^\"]*\"", " x ", text, flags=re.S)
    without_comments = re.sub(r"--[^\n]*|/\*.*?\*/", " ", text, flags=re.S)
    return sum(bool(part.strip()) for part in bare.split(";")) if without_comments.strip() else 0


def wrong_sql_files(texts: Mapping[str, str]) -> list[str]:
    return [
        f"sql/{name}.sql holds {statements(text)} statements: one a file, named for what it does"
        for name, text in texts.items()
        if statements(text) != 1 and not name.startswith("bootstrap/")
    ]


def unused_sql(names: Iterable[str], sources: Iterable[str]) -> list[str]:
    """Files no source names, and names no file has. A source names one as the text 'stage/name'."""
    wanted: set[str] = set()
    pieces: list[str] = []
    for source in sources:
        tree = ast.parse(source)
        families = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        inside = {part for family in families for part in family.values}
        for family in families:  # f"store/{kind}" stands for every file it may mean
            parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in family.values]
            pieces.append("".join(parts))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
                wanted.add(node.value)
    names = set(names)
    unused = [
        f"sql/{name}.sql is used by nobody: delete it, or call database.sql('{name}')"
        for name in sorted(names)
        if name not in wanted and not any(re.fullmatch(piece, name) for piece in pieces)
    ]
    folders = {name.split("/")[0] for name in names}
    missing = [
        f"'{text}' is asked for, but there is no sql/{text}.sql"
        for text in sorted(wanted)
        if re.fullmatch(r"[a-z]+/[a-z_]+", text) and text.split("/")[0] in folders and text not in names
    ]
    return unused + missing


def too_long(lines: Mapping[str, int], excused: Mapping[str, str]) -> list[str]:
    long = [
        f"monitors/{path} has {count} lines: split it at a noun (over {LIMIT} needs a reason in LONG)"
        for path, count in lines.items()
        if count > LIMIT and path not in excused
    ]
    stale = [
        f"monitors/{path} is excused for its length and needs it no more: take it off LONG"
        for path in excused
        if lines.get(path, 0) <= LIMIT
    ]
    return long + stale


HOME_OF_SOMEBODY = re.compile(r"(?<![\w./~}])/(?:work|root|home|Users|tmp)/[\w.-]+")
INDEX = re.compile(r"https?://\S+|--(?:extra-)?index-url\b|--find-links\b|--index\b")


def machine_paths(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number} holds the machine path {found.group()}: another clone has none such; build it from a setting"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := HOME_OF_SOMEBODY.search(line))
    ]


def index_addresses(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number} holds {found.group()}: where packages come from is the machine's business, not ours"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := INDEX.search(line))
    ]


def not_locked(wanted: str, lock: str) -> list[str]:
    """Requirements (lines of *.in) the lock does not pin with a hash."""
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==\S+[^\n]*\\\n\s+--hash=sha256:", lock, flags=re.M))
    asked = re.findall(r"^([A-Za-z0-9._-]+)", wanted, flags=re.M)
    return [
        f"{name} is asked for but not in requirements.lock: run `make lock`"
        for name in asked
        if re.sub(r"[-_.]+", "-", name).lower() not in pinned
    ]


# ----------------------------------------------------------------------------------------- the house itself
def modules() -> dict[str, str]:
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
    }


def core_modules() -> dict[str, str]:
    return {path: source for path, source in modules().items() if room(path) in CORE}


def sql_files() -> dict[str, str]:
    folder = ROOT / "sql"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.sql"))
        if "migrations" not in path.parts
    }


def text_files() -> dict[str, str]:
    """Every text of ours, whatever it is written in."""
    tops = ["monitors", "dags", "config", "sql", "expectations", "tests", "docs", "benchmarks", ".ci"]
    paths = [path for top in tops for path in sorted((ROOT / top).rglob("*")) if path.is_file()]
    paths += [path for path in sorted(ROOT.iterdir()) if path.is_file() and path.name != ".git"]  # a file in a second work tree
    kinds = {".py", ".sql", ".yaml", ".yml", ".json", ".md", ".toml", ".in", ".mako", ".sh", ""}
    return {path.relative_to(ROOT).as_posix(): path.read_text(errors="replace") for path in paths if path.suffix in kinds}


def hold(problems: Iterable[str]) -> None:
    """Fail with nothing but the sentences."""
    if found := list(problems):
        pytest.fail("\n".join(found), pytrace=False)


def every(check: Callable[[str, str], list[str]], texts: Mapping[str, str]) -> list[str]:
    return [problem for path, text in texts.items() for problem in check(path, text)]


def test_imports_run_one_way() -> None:
    hold(every(wrong_imports, modules()))


def test_every_room_is_known() -> None:
    hold(unknown_rooms(sorted({room(path) for path in modules()})))


def test_the_core_reads_no_clock_environment_file_or_dice() -> None:
    hold(every(impure_calls, core_modules()))


def test_only_database_opens_sql() -> None:
    hold(every(sql_outside_database, modules()))


def test_every_sql_file_is_one_statement() -> None:
    hold(wrong_sql_files(sql_files()))


def test_every_sql_file_is_used_and_every_one_asked_for_is_there() -> None:
    hold(unused_sql(sql_files(), modules().values()))


def test_modules_stay_small() -> None:
    lengths = {path: source.count("\n") for path, source in modules().items()}

    hold(too_long(lengths, LONG))


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    texts = {path: text for path, text in text_files().items() if path != "tests/test_architecture.py"}

    hold(every(machine_paths, texts))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements.in", "Makefile", "pyproject.toml", ".ci/run", ".ci/venv"])
def test_nothing_says_where_packages_come_from(name: str) -> None:
    hold(index_addresses(name, (ROOT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["requirements.in", "requirements-dev.in"])
def test_the_lock_pins_all_that_is_asked_for(name: str) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")

    hold(not_locked((ROOT / name).read_text(encoding="utf-8"), lock))


# ---------------------------------------------------------------------------------------- planted violations
@pytest.mark.parametrize(
    ("path", "source", "message"),
    [
        ("alerts.py", "import sqlalchemy", "imports sqlalchemy: the pure core may use numpy, pandas, pydantic and yaml only"),
        ("alerts.py", "from monitors.database import sql", "imports monitors.database: the pure core rests on what lies below"),
        ("measures.py", "from monitors.rules import judge", "imports monitors.rules: the pure core rests on what lies below"),
        ("rules/judge.py", "import os", "imports os: the pure core reads no clock, file, network or environment"),
        ("feeds/csv.py", "from monitors import store", "imports monitors.store: a stage knows the core, config and database"),
        ("delivery/outbox.py", "def f():\n import monitors.history.ledger", "imports monitors.history.ledger: a stage knows"),
        ("pipeline.py", "from airflow.sdk import task", "imports airflow.sdk: only dags/ knows Airflow"),
        ("cli.py", "from monitors.delivery import outbox", "imports monitors.delivery: imports run one way"),
        ("database.py", "from monitors import store", "imports monitors.store: reaching the database knows nothing"),
        ("feeds/csv.py", "from . import fields", "imports .: write the full name"),
    ],
)
def test_an_import_against_the_direction_is_told_what_to_do(path: str, source: str, message: str) -> None:
    [problem] = wrong_imports(path, source)

    assert message in problem
    assert problem.startswith(f"monitors/{path}:")


@pytest.mark.parametrize("source", ["import numpy as np", "from monitors import measures, records", "import datetime as dt"])
def test_what_the_core_may_import_is_left_alone(source: str) -> None:
    assert wrong_imports("rules/judge.py", source) == []


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("now = datetime.now(UTC)", "datetime.now"),
        ("zone = os.environ['TZ']", "os.environ"),
        ("x = np.random.default_rng()", "np.random.default_rng"),
        ("x = time.time()", "time.time"),
        ("text = open('rules').read()", "open"),
    ],
)
def test_a_clock_or_dice_in_the_core_is_found(source: str, used: str) -> None:
    assert f"uses {used}: in the core, time and chance are arguments" in "\n".join(impure_calls("trends.py", source))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("connection.exec_driver_sql('select 1')", "runs SQL text"),
        ("connection.execute(sa.text('select 1'))", "holds SQL text"),
        ("path = root / 'sql' / 'store'", "names 'sql'"),
        ("path = 'store/results.sql'", "names 'store/results.sql'"),
    ],
)
def test_sql_outside_its_place_is_found(source: str, message: str) -> None:
    [problem] = sql_outside_database("store.py", source)

    assert message in problem
    assert sql_outside_database("database.py", source) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("-- why; because\nSELECT ';' FROM \"a;b\";\n", 1),
        ("DO $$ BEGIN x; y; END $$;", 1),
        ("/* a;\n b; */ SELECT 1", 1),
        ("SELECT 1;\nDELETE FROM results;", 2),
        ("-- nothing yet\n", 0),
    ],
)
def test_statements_are_counted_without_comments_and_quotes(text: str, count: int) -> None:
    assert statements(text) == count


def test_a_file_of_two_statements_an_orphan_and_a_missing_one_are_found() -> None:
    texts = {"store/results": "SELECT 1", "store/wipe": "SELECT 1; SELECT 2", "judge/freeze_labs": "SELECT 1"}
    source = "sql('store/results')\nsql('store/typo')\nsql(f'judge/freeze_{kind}')\n"

    assert wrong_sql_files(texts) == ["sql/store/wipe.sql holds 2 statements: one a file, named for what it does"]
    assert unused_sql(texts, [source]) == [
        "sql/store/wipe.sql is used by nobody: delete it, or call database.sql('store/wipe')",
        "'store/typo' is asked for, but there is no sql/store/typo.sql",
    ]


def test_a_long_module_and_a_needless_excuse_are_found() -> None:
    problems = too_long({"store.py": 261, "units.py": 90}, {"units.py": "because"})

    assert problems[0].startswith("monitors/store.py has 261 lines: split it at a noun")
    assert problems[1].startswith("monitors/units.py is excused for its length and needs it no more")


def test_a_new_room_asks_to_be_placed() -> None:
    [problem] = unknown_rooms(["records", "helpers"])

    assert problem.startswith("monitors/helpers stands in no row of tests/test_architecture.py")


@pytest.mark.parametrize("text", ["cd /root/x", 'open("/tmp/a.csv")', "path=/home/ann/feeds", "~ann is /Users/ann"])
def test_a_machine_path_is_found(text: str) -> None:
    [problem] = machine_paths("Makefile", text)

    assert problem.startswith("Makefile:1 holds the machine path /")


@pytest.mark.parametrize("text", ["/var/lib/nephrowatch", "$HOME/tmp/x", "a/tmp/b", "https://example.org/home/page"])
def test_other_paths_are_left_alone(text: str) -> None:
    assert machine_paths("README.md", text) == []


@pytest.mark.parametrize("text", ["--index-url x", "pip install --find-links wheels", "# from https://example.org/simple"])
def test_an_index_address_is_found(text: str) -> None:
    [problem] = index_addresses("requirements.lock", text)

    assert "where packages come from" in problem


def test_a_requirement_without_a_pin_or_hash_is_found() -> None:
    lock = "numpy==2.0 \\\n    --hash=sha256:00\nyaml-x==1.0\n"

    assert not_locked("# ours\nnumpy>=2\nYAML_x\n", lock) == [
        "YAML_x is asked for but not in requirements.lock: run `make lock`"
    ]
