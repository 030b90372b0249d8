"""Keys of the history, outside the database: one signs entries as they are written, one signs checkpoints.

NEPHROWATCH_WRITER_KEY, NEPHROWATCH_CHECKPOINT_KEY (or _FILE) hold 32 bytes as hex; without them, the files writer.key and
checkpoint.key in NEPHROWATCH_HOME (mode 0600). history-keys.txt beside them lists every public key ever used here, old ones
too: what an auditor keeps a copy of.
"""

from __future__ import annotations

import base64
import fcntl
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitors.errors import UserError
from monitors.history.nephrowatch_verify import ED25519, UNSIGNED, Keys, id_of, signed_text
from monitors.settings import Settings

WRITER, CHECKPOINT = "writer", "checkpoint"
PUBLIC = "history-keys.txt"


@dataclass(frozen=True)
class Key:
    """A private key with its name. Its repr shows no secret."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        return id_of(self.name, self.public)

    @property
    def line(self) -> str:
        """The public key as notes write it: name+id+base64."""
        return f"{self.name}+{self.id}+{base64.b64encode(ED25519 + self.public).decode()}"

    def sign(self, text: bytes) -> bytes:
        return self.private.sign(text)

    def sign_entry(self, kind: str, commitment: bytes) -> bytes:
        return self.sign(signed_text(kind, commitment))

    def note_line(self, body: str) -> str:
        """The signature line of a note whose text is `body`."""
        raw = bytes.fromhex(self.id) + self.sign(body.encode())
        return f"\u2014 {self.name} {base64.b64encode(raw).decode()}\n"


def name_of(use: str) -> str:
    return f"nephrowatch-{use}"


def variable(use: str) -> str:
    return f"NEPHROWATCH_{use.upper()}_KEY"


def load(settings: Settings, use: str) -> Key | None:
    """The key of a use, WRITER or CHECKPOINT; None where there is none here. Raises UserError for one that is no key."""
    environment, name = settings.environment, variable(use)
    path = settings.home / f"{use}.key"
    if environment.get(name) or environment.get(f"{name}_FILE"):
        text, where = settings.secret(name), name
    else:
        try:
            text, where = path.read_text(encoding="ascii").strip(), str(path)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            again = f"nephrowatch history rotate {use}"
            raise UserError(f"{path} cannot be read; restore it, or make a new key with `{again}`.") from None
    try:
        return Key(name_of(use), Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
    except ValueError:
        raise UserError(f"{where} is no key: 64 hexadecimal digits, as `nephrowatch history rotate {use}` makes them.") from None


def make(settings: Settings, use: str) -> Key:
    """A new key in NEPHROWATCH_HOME, in the place of the one there; its public half is listed beside the older ones."""
    if settings.environment.get(variable(use)) or settings.environment.get(f"{variable(use)}_FILE"):
        raise UserError(f"{variable(use)} is set: change the key where that is kept, then run `nephrowatch history keys`.")
    path = settings.home / f"{use}.key"
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(0o600)
    fresh.write_text(secrets.token_bytes(32).hex(), encoding="ascii")
    fresh.replace(path)
    key = load(settings, use)
    assert key is not None
    publish(settings, key)
    return key


def ensured(settings: Settings, use: str, entries: Callable[[], int] = lambda: 0) -> Key:
    """The key of a use, made if there is none; its public half is listed. entries: how many there are before the first key of a
    writer, which are unsigned for ever."""
    with _alone(settings):
        key = load(settings, use)
        if key is None:
            path = settings.home / PUBLIC
            listed = path.read_text(encoding="utf-8") if path.exists() else ""  # a checkpoint's key may be there before
            if use == WRITER and f"{name_of(WRITER)}+" not in listed and UNSIGNED not in listed and (unsigned := entries()):
                path.write_text(f"{UNSIGNED}{unsigned}\n{listed}", encoding="utf-8")
            return make(settings, use)
        publish(settings, key)
        return key


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Two tasks that start together on a new machine must not each make the key and sign with different ones."""
    with open(settings.home / "keys.lock", "a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def publish(settings: Settings, key: Key) -> None:
    """List a public key, once."""
    path = settings.home / PUBLIC
    listed = path.read_text(encoding="utf-8") if path.exists() else ""
    if key.line not in listed.splitlines():
        path.write_text(f"{listed}{key.line}\n", encoding="utf-8")


def public(settings: Settings) -> list[str]:
    """Every public key listed here, and those of now."""
    path: Path = settings.home / PUBLIC
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for use in (WRITER, CHECKPOINT):
        key = load(settings, use)
        if key is not None and key.line not in lines:
            lines.append(key.line)
    return lines


def known(settings: Settings) -> Keys:
    return Keys(public(settings))
