"""Verify a history of Nephrowatch from files alone: `python nephrowatch_verify.py FOLDER [--keys FILE] [--earlier NOTE ...]`.

One file, the standard library and `cryptography`, no access to the system. FOLDER is what `nephrowatch history export` wrote:

    ledger.ndjson      one entry a line: seq kind at by salt body commitment previous hash key signature
    checkpoints/*.txt  signed notes: how many entries there were, and the root of the Merkle tree over their hashes
    keys.txt           the public keys; use a copy of your own (--keys), the one in the folder proves nothing

--earlier: a checkpoint you kept yourself. The history must still begin with exactly those entries.

Exit code 0: everything verifies. 1: damage, named with its first entry. 2: the files cannot be read.

Formats. Entry: hash = SHA-256('nephrowatch/ledger/v1|' seq '|' kind '|' microseconds '|' by '|' hex(commitment) '|'
hex(previous));
commitment = SHA-256(salt || body), so an erased body leaves its entry provable; signature = Ed25519 over 'nephrowatch/entry/v1|'
kind '|' hex(commitment), by a key outside the database. Tree: RFC 6962 over the 32-byte hashes. Note: C2SP signed-note and
tlog-checkpoint. What cannot be seen from here: entries younger than the newest checkpoint that were taken away without a trace,
what the holder of a writing key forges, and events nobody ever recorded.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DOMAIN, SIGNED = "nephrowatch/ledger/v1|", "nephrowatch/entry/v1|"
GENESIS = hashlib.sha256(f"{DOMAIN}genesis".encode()).digest()
ED25519 = b"\x01"  # the algorithm byte of a note key
UNSIGNED = "# unsigned-until "


@dataclass(frozen=True)
class Entry:
    """One entry as stored. at: microseconds since 1970, UTC; salt, body: None where erased; key, signature: where unsigned."""

    seq: int
    kind: str
    at: int
    by: str
    commitment: bytes
    previous: bytes
    hash: bytes
    salt: bytes | None = None
    body: bytes | None = None
    key: str | None = None
    signature: bytes | None = None


@dataclass(frozen=True)
class Damage:
    """seq: the first entry concerned (0: the history as a whole). kind: a word that stays the same. says: a sentence."""

    seq: int
    kind: str
    says: str


@dataclass(frozen=True)
class Checkpoint:
    """What a note says: the first `size` entries have this root. signed_by: names of the known keys that signed it."""

    origin: str
    size: int
    root: bytes
    signed_by: tuple[str, ...]


@dataclass
class Report:
    """What was looked at, and the damage in order of entries."""

    entries: int = 0
    erased: int = 0
    unsigned: int = 0
    checkpoints: int = 0
    covered: int = 0  # entries below the newest checkpoint that holds
    root: bytes = b""
    damage: list[Damage] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.damage


class Keys:
    """Public keys by name and id, read from lines `name+id+base64`, as notes write them.

    A line `# unsigned-until N` says that the first N entries are older than signing; every later one has to be signed.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.by_id: dict[str, tuple[str, Ed25519PublicKey]] = {}
        self.unsigned_until = 0
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if text.startswith(UNSIGNED):
                self.unsigned_until = int(text.removeprefix(UNSIGNED))
            if not text or text.startswith("#"):
                continue
            try:
                name, key_id, encoded = text.split("+", 2)
                raw = base64.b64decode(encoded, validate=True)
                if raw[:1] != ED25519 or id_of(name, raw[1:]) != key_id:
                    raise ValueError
                self.by_id[key_id] = name, Ed25519PublicKey.from_public_bytes(raw[1:])
            except ValueError:
                raise ValueError(f"line {number} of the keys is no key: it should read name+id+base64") from None

    @property
    def writes(self) -> bool:
        """Whether the key of a writing service is among them: then entries have to be signed."""
        return any(name.endswith("-writer") for name, _ in self.by_id.values())

    def signed(self, key_id: str, text: bytes, signature: bytes) -> str | None:
        """The name of the key if it is known and signed this text."""
        name, key = self.by_id.get(key_id, ("", None))
        if key is None:
            return None
        try:
            key.verify(signature, text)
        except InvalidSignature:
            return None
        return name


def id_of(name: str, public: bytes) -> str:
    """The first four bytes of the hash of a key and its name, hex (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4].hex()


# ------------------------------------------------------------------------------------------- entries
def hash_of(entry: Entry) -> bytes:
    text = f"{DOMAIN}{entry.seq}|{entry.kind}|{entry.at}|{entry.by}|{entry.commitment.hex()}|{entry.previous.hex()}"
    return hashlib.sha256(text.encode()).digest()


def signed_text(kind: str, commitment: bytes) -> bytes:
    return f"{SIGNED}{kind}|{commitment.hex()}".encode()


class Chain:
    """Takes entries in order and says what is wrong with each; follows the tree at the same time."""

    def __init__(self, keys: Keys | None = None) -> None:
        self.keys, self.tree, self.count, self.erased, self.unsigned = keys, Tree(), 0, 0, 0
        self._previous, self._at, self._seen = GENESIS, 0, set[bytes]()
        self._gone, self._named = set[int](), set[int]()

    @property
    def last(self) -> bytes:
        return self._previous

    def take(self, entry: Entry) -> Damage | None:
        self.count += 1
        wrong = self._wrong(entry)
        self._previous, self._at = entry.hash, entry.at
        self.tree.add(entry.hash)
        self.erased += entry.body is None
        if entry.body is None:
            self._gone.add(entry.seq)
        elif entry.kind == "patient_erased":
            self._named.update(json.loads(entry.body).get("entries", ()))
        self.unsigned += entry.signature is None
        self._seen.add(entry.commitment)
        return Damage(self.count, *wrong) if wrong else None

    def taken(self) -> Damage | None:
        """What is wrong with the bodies that are missing: an erasure names each that it took."""
        lost = self._gone - self._named
        return Damage(min(lost), "body_gone", "its body is gone, and no erasure names it") if lost else None

    def _wrong(self, entry: Entry) -> tuple[str, str] | None:
        expected = self.count
        if entry.seq != expected:
            return "missing", f"entry {expected} is missing"
        if entry.previous != self._previous:
            return "out_of_order", "it does not follow from the entry before it"
        if entry.body is not None and hashlib.sha256((entry.salt or b"") + entry.body).digest() != entry.commitment:
            return "body_changed", "its body is not the one that was recorded"
        if hash_of(entry) != entry.hash:
            return "entry_changed", "its hash does not match what it says"
        if entry.at < self._at:
            return "time_runs_back", "it is older than the entry before it"
        if entry.commitment in self._seen:
            return "repeated", "it repeats an earlier entry"
        return self._unsigned(entry)

    def _unsigned(self, entry: Entry) -> tuple[str, str] | None:
        """What the writing service did not sign, somebody else wrote."""
        if self.keys is None or not self.keys.writes:
            return None
        if entry.signature is None or entry.key is None:
            return ("unsigned", "no service signed it") if entry.seq > self.keys.unsigned_until else None
        if self.keys.signed(entry.key, signed_text(entry.kind, entry.commitment), entry.signature) is None:
            return "forged", "its signature is by no key that is known, or is wrong"
        return None


# ---------------------------------------------------------------------------------- the tree (RFC 6962)
def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The roots of the perfect trees of the leaves so far, the largest first: enough to go on, and to say the root."""

    def __init__(self) -> None:
        self.size, self._peaks = 0, list[tuple[int, bytes]]()

    def add(self, data: bytes) -> None:
        height, top = 0, leaf(data)
        while self._peaks and self._peaks[-1][0] == height:
            height, top = height + 1, node(self._peaks.pop()[1], top)
        self._peaks.append((height, top))
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        top = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            top = node(left, top)
        return top


def included(data: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf stands at an index of a tree of that size and root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, top = index, size - 1, leaf(data)
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            top = node(sibling, top)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            top = node(top, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and top == root


# ------------------------------------------------------------------------------------- checkpoints
def parse_note(text: str, keys: Keys) -> Checkpoint:
    """A signed note. Raises ValueError where it is none, or where no known key signed it."""
    body, blank, signatures = text.partition("\n\n")
    lines = body.split("\n")
    try:
        if not blank or len(lines) != 3:
            raise ValueError
        size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
        if len(root) != 32 or str(size) != lines[1] or size < 0:
            raise ValueError
    except ValueError:
        raise ValueError("it is no checkpoint: three lines, an empty one, then signatures") from None
    signed_by = []
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.rpartition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if dash == "\u2014" and len(raw) == 68 and keys.signed(raw[:4].hex(), f"{body}\n".encode(), raw[4:]) == name:
            signed_by.append(name)
    if not signed_by:
        raise ValueError("none of the known keys signed it")
    return Checkpoint(lines[0], size, root, tuple(signed_by))


# ------------------------------------------------------------------------------------------ the whole
def examine(entries: Iterable[Entry], checkpoints: Iterable[Checkpoint] = (), keys: Keys | None = None) -> Report:
    """Recompute everything. checkpoints: those that were kept elsewhere, in any order."""
    wanted: dict[int, list[Checkpoint]] = {}
    for one in checkpoints:
        wanted.setdefault(one.size, []).append(one)
    chain, report = Chain(keys), Report(checkpoints=sum(map(len, wanted.values())))

    def compare() -> None:
        for one in wanted.pop(chain.count, ()):
            if one.root == chain.tree.root():
                report.covered = max(report.covered, one.size)
            else:
                says = f"the first {one.size} entries are not those of the checkpoint"
                report.damage.append(Damage(_within(report, one.size), "rewritten", says))

    compare()
    for entry in entries:
        if wrong := chain.take(entry):
            report.damage.append(wrong)
        compare()
    if gone := chain.taken():
        report.damage.append(gone)
    for size in sorted(wanted):
        says = f"a checkpoint of {size} entries exists; only {chain.count} are here"
        report.damage.append(Damage(chain.count + 1, "cut_off", says))
    report.entries, report.erased, report.unsigned = chain.count, chain.erased, chain.unsigned
    report.root = chain.tree.root()
    report.damage.sort(key=lambda one: (one.seq, one.kind in ("rewritten", "cut_off")))
    return report


def _within(report: Report, size: int) -> int:
    """The first entry that may be concerned: the first damaged one, else the one after the newest checkpoint that holds."""
    damaged = min((one.seq for one in report.damage), default=size)
    return min(damaged if damaged < size else report.covered + 1, max(size, 1))


def from_line(line: str) -> Entry:
    """An entry as exported. Raises ValueError."""
    try:
        row: Mapping[str, Any] = json.loads(line)
        raw = {name: None if row[name] is None else bytes.fromhex(row[name])
               for name in ("salt", "commitment", "previous", "hash", "signature")}  # fmt: skip
        body = None if row["body"] is None else base64.b64decode(row["body"], validate=True)
        if not (isinstance(row["seq"], int) and isinstance(row["at"], int) and isinstance(row["kind"], str)):
            raise ValueError
        return Entry(row["seq"], row["kind"], row["at"], str(row["by"]), raw["commitment"] or b"", raw["previous"] or b"",
                     raw["hash"] or b"", raw["salt"], body, row["key"], raw["signature"])  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise ValueError("it is no entry of a ledger") from None


def read_entries(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield from_line(line)
            except ValueError as problem:
                raise ValueError(f"{path.name}, line {number}: {problem}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an exported history of Nephrowatch.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keys", type=Path, help="public keys of your own; default: keys.txt in the folder")
    parser.add_argument("--earlier", type=Path, action="append", default=[], help="a checkpoint you kept yourself")
    chosen = parser.parse_args(arguments)
    try:
        keys = Keys((chosen.keys or chosen.folder / "keys.txt").read_text(encoding="utf-8").splitlines())
        notes, wrong = [], []
        folder = chosen.folder / "checkpoints"
        for path in [*(sorted(folder.glob("*.txt")) if folder.is_dir() else []), *chosen.earlier]:
            try:
                notes.append(parse_note(path.read_text(encoding="utf-8"), keys))
            except ValueError as problem:
                wrong.append(Damage(0, "checkpoint", f"{path.name}: {problem}"))
        report = examine(read_entries(chosen.folder / "ledger.ndjson"), notes, keys)
    except (OSError, ValueError) as problem:
        print(f"nephrowatch_verify: {problem}", file=sys.stderr)
        return 2
    report.damage = wrong + report.damage
    print(f"{report.entries} entries, {report.erased} of them erased, {report.unsigned} unsigned; "
          f"{report.checkpoints} checkpoints, the newest that holds covers {report.covered}.")  # fmt: skip
    if not chosen.keys:
        print("The keys are those of the folder itself: compare keys.txt with a copy you trust.")
    if report.covered < report.entries:
        print(f"Entries after {report.covered} are covered by no checkpoint yet.")
    if report.good:
        print("Everything verifies.")
        return 0
    first = report.damage[0]
    print(f"DAMAGED. First: entry {first.seq} ({first.kind}): {first.says}. {len(report.damage)} findings in all.")
    for one in report.damage[1:20]:
        print(f"  entry {one.seq} ({one.kind}): {one.says}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
