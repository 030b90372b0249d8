"""Backup and restore as docs/operations.md tells it: database and archive, onto another PostgreSQL, and the work goes on.

The restored site and an undisturbed one take the same next night: same episodes, changes and messages.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest

from monitors import embedded, pipeline, sealing
from monitors.database import bootstrap, open_database
from monitors.demo.standins import SlackStandIn, SmtpStandIn
from monitors.history import keys
from monitors.settings import Settings, settings_from
from tests.conftest import NOT_DURABLE, TestServer, remove_server
from tests.nights.conftest import a_site
from tests.ops.released import story, tool
from tests.site import REPOSITORY, Site, draw

pytestmark = pytest.mark.long
NEXT = date(2026, 4, 16)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[TestServer]:
    """A second, empty PostgreSQL."""
    home = tmp_path / "other-server"
    home.mkdir()
    try:
        yield TestServer(embedded.start(home, NOT_DURABLE), home)
    finally:
        remove_server(home)


def restored(site: Site, other: TestServer, root: Path, stack: ExitStack) -> Site:
    """A copy of a site on another server, from a dump and its archive, by the steps of docs/operations.md."""
    home = root / "home"
    home.mkdir(parents=True)
    dump = subprocess.run([tool("pg_dump"), "--format=custom", site.database_url], check=True, capture_output=True).stdout
    shutil.copytree(site.root / "home" / "archive", home / "archive")
    shutil.copytree(site.root / "config" / "feeds", root / "config" / "feeds")
    other.run("CREATE DATABASE nephrowatch")
    url = other.server.url("nephrowatch")
    settings = settings_from({"NEPHROWATCH_HOME": str(home), "NEPHROWATCH_CONFIG": str(REPOSITORY / "config"),
                              "NEPHROWATCH_DATABASE_URL": url})  # fmt: skip
    bootstrap(settings)
    subprocess.run([tool("pg_restore"), "--exit-on-error", f"--dbname={url}"], input=dump, check=True)
    database = open_database(settings)
    stack.callback(database.dispose)
    slack = stack.enter_context(SlackStandIn())
    smtp = stack.enter_context(SmtpStandIn())
    copy = Site(root, database, slack.api_url, smtp.port)
    copy.database_url, copy.slack_standin, copy.smtp_standin, copy.clock = url, slack, smtp, site.clock
    return copy


def test_a_backup_restored_on_another_server_goes_on_as_if_undisturbed(
    server: TestServer, other: TestServer, tmp_path: Path
) -> None:
    with a_site(server, tmp_path / "site") as site, ExitStack() as stack:
        story(site)
        copy = restored(site, other, tmp_path / "copy", stack)
        assert pipeline.verify(here=copy.here) == pipeline.verify(here=site.here)
        assert pipeline.verify(here=copy.here)["first_bad"] is None
        said = len(site.slack_standin.posts)
        for one in (site, copy):
            one.labs("three.csv", *draw("T1", date(2026, 4, 15), P=4.4, CA=9.3), *draw("T2", date(2026, 4, 15), P=4.7, CA=6.9))
            one.night(NEXT)
            # The archive came along: what was set aside is read again from the raw bytes.
            assert pipeline.quarantine_retry(feed="n1-labs", actor="A. Tester", here=one.here)["files"] == 1
        assert copy.episodes() == site.episodes()
        assert copy.changes() == site.changes()
        assert copy.outbox_keys() == site.outbox_keys()
        told = [post["text"] for post in copy.slack_standin.posts]
        assert told == [post["text"] for post in site.slack_standin.posts[said:]]
        assert len(told) >= 1


def test_a_database_without_its_archive_says_so_and_loses_nothing_else(
    server: TestServer, other: TestServer, tmp_path: Path
) -> None:
    with a_site(server, tmp_path / "site") as site, ExitStack() as stack:
        story(site)
        copy = restored(site, other, tmp_path / "copy", stack)
        shutil.rmtree(copy.root / "home" / "archive")
        with pytest.raises(Exception, match="restore the archive"):
            pipeline.quarantine_retry(feed="n1-labs", actor="A. Tester", here=copy.here)
        copy.labs("three.csv", *draw("T1", date(2026, 4, 15), P=4.4, CA=9.3))
        assert copy.night(NEXT)["night"] == NEXT.isoformat()


def test_a_restored_history_verifies_with_its_public_keys_and_says_so_without(
    server: TestServer, other: TestServer, tmp_path: Path
) -> None:
    with a_site(server, tmp_path / "site") as site, ExitStack() as stack:
        site.db.signer = keys.ensured(site.here.settings, keys.WRITER, lambda: sealing.entries(site.db))
        story(site)
        copy = restored(site, other, tmp_path / "copy", stack)
        shutil.copy(site.root / "home" / keys.PUBLIC, copy.root / "home")
        found = pipeline.verify_all(here=copy.here)
        assert found["first_bad"] is None
        assert found["unsigned"] < found["entries"]
        (copy.root / "home" / keys.PUBLIC).unlink()
        keys.ensured(copy.here.settings, keys.WRITER, lambda: sealing.entries(copy.db))
        bad = pipeline.verify_all(here=copy.here)["first_bad"]
        assert "by no key that is known" in bad["what"]


def test_settings_stay_out_of_the_dump(server: TestServer, tmp_path: Path) -> None:
    """A backup holds patients' data, and no password."""
    with a_site(server, tmp_path / "site") as site:
        dump = subprocess.run([tool("pg_dump"), site.database_url], check=True, capture_output=True, text=True).stdout
        found: Settings = site.here.settings
        passwords = (found.home / "roles.json").read_text().split('"')
        assert not [word for word in passwords if len(word) > 25 and word in dump]
