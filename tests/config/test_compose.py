"""docker-compose.yml, Dockerfile and deploy/, read as files: what must hold of every service, now and after any change."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitors import config
from monitors.cli_web import outside as seen_from
from monitors.demo import feeder, generate, outside
from monitors.logins import Role
from tests.compose import __main__ as compose_test

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
STACK: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
ONCE = {"init", "feeder"}  # they end; whoever waits for them waits for that
EVERY = pytest.mark.parametrize("name", sorted(SERVICES))
PINNED = re.compile(r":\d+\.\d+[\w.-]*$")


def default(text: str) -> str:
    """What `${NAME:-default}` comes to when nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def variables(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in (service.get("environment") or {}).items()}


@EVERY
def test_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), "a number that is not root's"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.startswith("/tmp:size=") for mount in service["tmpfs"])


@EVERY
def test_service_is_pinned(name: str) -> None:
    assert PINNED.search(default(SERVICES[name]["image"])), "an image by its full version"


@EVERY
def test_service_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    if name in ONCE:
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)


@EVERY
def test_service_gets_secrets_as_files_only(name: str) -> None:
    service = SERVICES[name]
    for variable, value in variables(service).items():
        if re.search(r"TOKEN|PASSWORD|SECRET|_KEY|DATABASE_URL|SQL_ALCHEMY_CONN|BROKER_URL|BACKEND", variable):
            assert variable.endswith(("_FILE", "_CMD")), variable
            file = value.removeprefix("cat ")
            if file.startswith("/run/secrets/") and not variable.startswith("AIRFLOW__"):
                assert file.removeprefix("/run/secrets/") in service["secrets"], f"{variable} names a secret it is not given"
    for secret in service.get("secrets", []):
        assert secret in STACK["secrets"]


def test_every_login_goes_to_who_needs_it_alone() -> None:
    """The administrator's and the migrator's are for the step that ends; the page gets neither pipeline nor delivery."""
    holders = {secret: {n for n, s in SERVICES.items() if secret in s.get("secrets", [])} for secret in STACK["secrets"]}
    assert holders["url_administrator"] == holders["url_migrator"] == {"init"}
    assert holders["postgres_password"] == {"postgres"}
    assert holders["url_pages"] == {"init", "web"}
    tasks = {"airflow-scheduler", "worker-1", "worker-2", "feeder"}
    assert holders["url_pipeline"] == tasks | {"init"}
    assert holders["url_delivery"] == tasks | {"init", "slack-listen"}
    assert holders["checkpoint_key"] == tasks
    assert holders["slack_bot_token"] == tasks | {"slack-listen"}
    assert holders["slack_app_token"] == {"slack-listen"}
    mounts = SERVICES["web"]["volumes"]
    assert not any(mount.startswith(("archive:", "feeds:")) for mount in mounts), "raw files are none of the page"
    assert {f"url_{role.value.removeprefix('nephrowatch_')}" for role in Role} <= set(SERVICES["init"]["secrets"])


def test_database_and_broker_are_reached_from_inside_only() -> None:
    assert STACK["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), "a TLS proxy stands before the outside"


def test_the_test_of_the_stack_makes_stand_ins_of_the_images_named_here() -> None:
    written = dict(re.findall(r"\$\{(NEPHROWATCH_BASE|POSTGRES_IMAGE|REDIS_IMAGE):-([^}]*)\}", TEXT))
    assert written == compose_test.IMAGES


def test_profiles() -> None:
    by_profile = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert {n for n, p in by_profile.items() if p is None} == {
        "postgres", "init", "airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "web",
    }  # fmt: skip
    assert {n for n, p in by_profile.items() if p == ["slack"]} == {"slack-listen"}
    assert {n for n, p in by_profile.items() if p == ["celery"]} == {"redis", "worker-1", "worker-2"}
    assert {n for n, p in by_profile.items() if p == ["demo"]} == {"stand-ins", "feeder"}


def test_no_secret_and_no_address_of_packages_is_written_down() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for text in (TEXT, dockerfile, *(p.read_text(encoding="utf-8") for p in (ROOT / "deploy").glob("*") if p.is_file())):
        assert not re.search(r"index-url|trusted-host|xox[bp]-\w*\d", text)
        assert not re.search(r"://\w+:[0-9a-f]{16,}@", text)
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["10001:10001"]
    assert default(re.findall(r"^ARG BASE=(.*)$", dockerfile, re.MULTILINE)[0]) == default(
        SERVICES["init"]["build"]["args"]["BASE"]
    )


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    _prepare(tmp_path)
    return tmp_path


def _prepare(into: Path) -> None:
    subprocess.run(
        ["sh", str(ROOT / "deploy" / "prepare"), "--demo"], check=True, capture_output=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PREPARE_INTO": str(into), "PREPARE_ENV": str(into / "env")},
    )  # fmt: skip


def test_prepare_makes_every_secret_once(prepared: Path) -> None:
    secrets = {path.name: path.read_text(encoding="utf-8") for path in (prepared / "secrets").iterdir()}
    assert set(secrets) == set(STACK["secrets"])
    assert (prepared / "secrets").stat().st_mode & 0o777 == 0o700, "the folder keeps others out; the files do not"
    passwords = [text for text in secrets.values() if len(text) > 20]
    assert len(set(passwords)) == len(passwords)
    _prepare(prepared)
    assert {path.name: path.read_text(encoding="utf-8") for path in (prepared / "secrets").iterdir()} == secrets
    assert not any(text in (prepared / "env").read_text(encoding="utf-8") for text in passwords)


def test_prepared_demo_reaches_the_stand_ins(prepared: Path) -> None:
    checked = config.load(prepared / "config")
    to = list(checked.routes.destinations.values())
    assert {d.host for d in to if d.kind == "email"} == {outside.NAME}
    assert {d.tls for d in to if d.kind == "email"} == {"starttls"}
    assert {d.api_url for d in to if d.kind == "slack"} == {f"http://{outside.NAME}:18090/api/"}
    assert all(feed.location.startswith("/feeds/") for feed in checked.feeds.values())


@pytest.mark.parametrize(("host", "address"), [
    ("0.0.0.0", "https://unit.example/watch"), ("::", "https://unit.example/watch"), ("127.0.0.1", "http://127.0.0.1:18080"),
])  # fmt: skip
def test_the_link_to_sign_in_can_be_opened_from_outside_a_container(host: str, address: str) -> None:
    assert seen_from(host, 18080, "https://unit.example/watch/alerts/") == address


def test_the_demo_brings_its_late_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder, "DONE", tmp_path / ".fed")
    with pytest.raises(SystemExit, match="no file is late"):
        feeder.bring_late(tmp_path)
    (tmp_path / ".fed").write_text("2026-04-15")
    late = tmp_path / generate.WAITING / "2026-04-15" / "n1" / "labs" / "labs.csv"
    late.parent.mkdir(parents=True)
    late.write_text("a file")
    (tmp_path / "n1" / "labs").mkdir(parents=True)
    assert feeder.bring_late(tmp_path) == 1
    assert (tmp_path / "n1" / "labs" / "labs.csv").read_text() == "a file"
    with pytest.raises(SystemExit, match="no file is late"):
        feeder.bring_late(tmp_path)


def test_the_mail_stand_in_can_be_trusted_by_name_alone(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    server = outside.context(outside.NAME, tmp_path / "ca.pem", now)
    for name, trusted in ((outside.NAME, True), ("elsewhere", False)):
        client = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
        asking = client.wrap_bio(ours, theirs, server_hostname=name)
        answering = server.wrap_bio(theirs, ours, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            asking.do_handshake()
        with pytest.raises(ssl.SSLWantReadError):
            answering.do_handshake()
        if trusted:
            asking.do_handshake()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                asking.do_handshake()


def test_images_hold_what_the_product_asks_for_and_no_developer_tool() -> None:
    done = subprocess.run(
        [sys.executable, "deploy/runtime_lock.py", "requirements.lock", "requirements.in"], cwd=ROOT, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    names = set(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==", done.stdout, re.MULTILINE))
    asked = {
        re.split(r"[=>\[]", line)[0].strip().lower()
        for line in (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    }  # fmt: skip
    assert asked <= names
    assert {"apache-airflow-core", "pydantic-core", "kombu", "botocore"} <= names
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright"} & names
    assert done.stdout.count("--hash=sha256:") >= len(names)


@pytest.mark.airflow
@pytest.mark.parametrize("executor", ["airflow.executors.local_executor", "airflow.providers.celery.executors.celery_executor"])
def test_the_lock_holds_what_an_executor_imports(executor: str, tmp_path: Path) -> None:
    """A version that resolves may still lack a name that Airflow's provider asks for: then scheduler and workers never start."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {executor}"], capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
