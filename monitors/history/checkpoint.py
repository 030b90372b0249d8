"""Checkpoints: how many entries there are and the root over them, signed, and kept in places outside the database.

    take(connection, key, ...)   read every hash, and sign what they come to; refuse where it contradicts an earlier one
    keep(text, places)           write it to each place; a place that has another checkpoint of that size is an alarm

A note is never changed: its file is named after its size, and writing the same again does nothing.
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

import fsspec
from sqlalchemy import Connection

from monitors.database import sql
from monitors.errors import HistoryError, UserError
from monitors.history.keys import Key
from monitors.history.nephrowatch_verify import Checkpoint, Keys, Tree, parse_note

_STREAMED = {"yield_per": 20_000}


def leaves(connection: Connection, until: int | None = None) -> Iterable[bytes]:
    """The hash of each entry in order, the first `until` of them."""
    with connection.execute(sql("history/hashes"), {"until": until}, execution_options=_STREAMED) as found:
        for row in found:
            yield bytes(row.hash)


def note(origin: str, size: int, root: bytes, *keys: Key) -> str:
    """The text of a checkpoint (C2SP tlog-checkpoint), signed by each key."""
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return body + "\n" + "".join(key.note_line(body) for key in keys)


def take(connection: Connection, origin: str, key: Key, earlier: Iterable[Checkpoint] = ()) -> tuple[int, str]:
    """(size, text) of a checkpoint of now.

    Raises HistoryError where the ledger no longer begins as an earlier one says: such a checkpoint is never signed.
    """
    wanted: dict[int, set[bytes]] = {}  # two places may disagree about one size: then neither is passed over
    for one in earlier:
        wanted.setdefault(one.size, set()).add(one.root)
    tree = Tree()

    def compare() -> None:
        roots = wanted.pop(tree.size, None)
        if roots is not None and roots != {tree.root()}:
            raise HistoryError(f"The first {tree.size} entries are not those of a checkpoint that was signed: nothing is signed. "
                               "Keep the database as it is (docs/operations.md).")  # fmt: skip

    compare()
    for data in leaves(connection):
        tree.add(data)
        compare()
    if wanted:
        raise HistoryError(f"A checkpoint of {max(wanted)} entries was signed; the ledger has {tree.size}: a backup was "
                           "restored, or entries were taken away. Nothing is signed.")  # fmt: skip
    return tree.size, note(origin, tree.size, tree.root(), key)


def name_of(size: int) -> str:
    return f"{size:012d}.txt"


def keep(size: int, text: str, places: Iterable[str]) -> dict[str, str]:
    """Write a checkpoint to each place (a folder, s3://...). place -> kept | there | what went wrong.

    Raises HistoryError where a place holds another checkpoint of the same size: two histories exist.
    """
    became: dict[str, str] = {}
    for place in places:
        try:
            became[place] = _keep(size, text, place)
        except HistoryError:
            raise
        except Exception as problem:  # every file system has errors of its own
            became[place] = f"could not be written ({type(problem).__name__})"
    return became


def _keep(size: int, text: str, place: str) -> str:
    system, root = fsspec.core.url_to_fs(place)
    path = posixpath.join(root, name_of(size))
    if system.exists(path):
        if system.cat_file(path).decode().split("\n")[:3] != text.split("\n")[:3]:
            raise HistoryError(f"{place} holds another checkpoint of {size} entries: two histories exist.")
        return "there"
    system.makedirs(root, exist_ok=True)
    fresh = f"{path}.new"
    system.pipe_file(fresh, text.encode())
    system.mv(fresh, path)
    return "kept"


def kept(places: Iterable[str], keys: Keys) -> tuple[list[Checkpoint], list[str]]:
    """(checkpoints that a known key signed, sentences about files that are none) of every place that can be read."""
    found: dict[tuple[int, bytes], Checkpoint] = {}
    problems: list[str] = []
    for place in places:
        try:
            system, root = fsspec.core.url_to_fs(place)
            names = [path for path in system.ls(root, detail=False) if path.endswith(".txt")] if system.exists(root) else []
            texts: Mapping[str, Any] = {path: system.cat_file(path) for path in names}
        except Exception as problem:
            problems.append(f"{place} cannot be read ({type(problem).__name__}).")
            continue
        for path, raw in texts.items():
            try:
                one = parse_note(raw.decode(), keys)
                found[one.size, one.root] = one
            except ValueError as problem:
                problems.append(f"{posixpath.basename(path)} in {place}: {problem}.")
    return sorted(found.values(), key=lambda one: one.size), problems


def text_of(one: Checkpoint, places: Iterable[str]) -> str:
    """The note of a checkpoint as a place has it. Raises HistoryError where none does any more."""
    for place in places:
        try:
            system, root = fsspec.core.url_to_fs(place)
            text = str(system.cat_file(posixpath.join(root, name_of(one.size))).decode())
        except Exception:  # noqa: S112  (the next place may have it)
            continue
        if text.split("\n")[:2] == [one.origin, str(one.size)]:
            return text
    raise HistoryError(f"No place has the checkpoint of {one.size} entries any more.")


def newest(checkpoints: Iterable[Checkpoint]) -> Checkpoint | None:
    return max(checkpoints, key=lambda one: one.size, default=None)


def origin_of(link: str) -> str:
    """The log's name: the address of the pages without its scheme."""
    host = link.split("://", 1)[-1].split("/", 1)[0]
    if not host:
        raise UserError("site.yaml's link names no host; a checkpoint needs one to say whose history it is.")
    return f"{host}/nephrowatch-history"
