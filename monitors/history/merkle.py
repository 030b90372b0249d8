"""Proofs over the tree of entries (RFC 6962, RFC 9162 2.1.3 and 2.1.4). Pure; the other half is in nephrowatch_verify.py."""

from __future__ import annotations

from collections.abc import Sequence

from monitors.history.nephrowatch_verify import Tree


def root_of(leaves: Sequence[bytes]) -> bytes:
    tree = Tree()
    for data in leaves:
        tree.add(data)
    return tree.root()


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path that proves leaf `index` (from 0) in the tree of these leaves. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion(leaves[split:], index - split), root_of(leaves[:split])]


def _split(size: int) -> int:
    """The largest power of two below size."""
    return 1 << (size - 1).bit_length() - 1
