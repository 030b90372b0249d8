"""Identity and content of laboratory results as keys of 128 bits, in columns: docs/adr/0004-result-identity.md.

BLAKE2b of 16 bytes. What is hashed, and how it is laid out, is part of every stored row: it never changes without a
migration that computes the stored keys anew. chr(31) parts the texts, so that no two lists of texts read alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from monitors.records import Flag

RANKS = {"preliminary": 0, "final": 1, "corrected": 2, "amended": 2}
WITHDRAWN = 3  # rank of every other status
SAID = int(Flag.SI | Flag.BELOW | Flag.AT_MOST | Flag.ABOVE | Flag.AT_LEAST)  # flags that are part of what a version says
PART, KEY = "\x1f", "V16"
NOT_STATED = np.iinfo(np.int64).min

Hashes = npt.NDArray[np.void]  # (n,) of 16 bytes


@dataclass(frozen=True)
class LabKeys:
    """Of n results. draw: (n,) int64, the same for all of one blood draw; result: (n,) identity; content: (n,) what the
    version says; rank: (n,) class of its status, WITHDRAWN the greatest."""

    draw: npt.NDArray[np.int64]
    result: Hashes
    content: Hashes
    rank: npt.NDArray[np.int8]


def of_labs(good: pd.DataFrame, laboratory: str, authority: str) -> LabKeys:
    """Keys of derived laboratory rows, which all have patient, analyte and collected_at.

    laboratory: whose accessions they are; authority: whose patient numbers.
    """
    statuses, words = pd.factorize(good["status"])
    rank = np.array([RANKS.get(word, WITHDRAWN) for word in words], np.int8)[statuses]
    collected = microseconds(good["collected_at"])
    draw = _draws(good, collected, laboratory, authority)
    stated = (good["issued_state"] != "missing").to_numpy()
    numbers = good["value"].to_numpy(np.float64)
    result = np.empty(len(good), [("draw", KEY), ("tube", KEY)])
    result["draw"], result["tube"] = draw, _parted(_tubes(good), good)
    content = np.empty(len(good), [
        ("words", KEY), ("value", "<f8"), ("collected", "<i8"), ("issued", "<i8"), ("flags", "i1"), ("rank", "i1"),
    ])  # fmt: skip
    content["words"] = _words(good)
    content["value"] = np.where(np.isnan(numbers), np.inf, numbers + 0.0)  # -0 is 0; no stored value is infinite
    content["collected"], content["rank"] = collected, rank
    content["issued"] = np.where(stated, microseconds(good["issued_at"]), NOT_STATED)
    content["flags"] = good["flags"].to_numpy() & SAID
    return LabKeys(draw.view(">i8")[::2].astype(np.int64), _hash_records(result), _hash_records(content), rank)


def microseconds(times: pd.Series) -> npt.NDArray[np.int64]:
    """(n,) since 1970 UTC."""
    return times.to_numpy("datetime64[us]").astype(np.int64)


def as_text(keys: Hashes) -> pd.Series:
    """Keys as PostgreSQL reads a uuid, in an Arrow column: 32 hexadecimal digits each."""
    digits = pa.py_buffer(keys.tobytes().hex().encode())
    offsets = pa.py_buffer(np.arange(0, 32 * len(keys) + 1, 32, dtype=np.int32))
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.Array.from_buffers(pa.string(), len(keys), [None, offsets, digits])))


def _draws(good: pd.DataFrame, collected: npt.NDArray[np.int64], laboratory: str, authority: str) -> Hashes:
    """The tube that was drawn: laboratory and accession; without one, patient and time. After dialysis: another."""
    tube = "accession" + PART + laboratory + PART + good["accession"].astype("str")
    if (without := good["accession"].isna().to_numpy()).any():
        whose = "patient" + PART + authority + PART + good["patient"][without].astype("str")
        tube[without] = whose + PART + pd.Series(collected[without], index=whose.index).astype("str")
    after = (good["flags"].to_numpy() & int(Flag.POST_DIALYSIS)) != 0
    if after.any():
        tube[after] += PART + "post"
    which, texts = pd.factorize(tube)
    return _hashes(texts)[which]


def _tubes(good: pd.DataFrame) -> Hashes:
    """Specimen ('' is blood, whatever the source calls it) and analyte."""
    specimen, names = pd.factorize(good["specimen_kind" if "specimen_kind" in good else "specimen"].fillna(""))
    analyte, numbers = pd.factorize(good["analyte"])
    pairs, which = np.unique(specimen * len(numbers) + analyte, return_inverse=True)
    return _hashes(f"result{PART}{names[p // len(numbers)]}{PART}{numbers[p % len(numbers)]}" for p in pairs)[which]


def _parted(tubes: Hashes, good: pd.DataFrame) -> Hashes:
    """With the source's own number of a result among several of one order (HL7 OBX-4), where it says one."""
    if "sub_id" not in good or not (some := good["sub_id"].notna().to_numpy()).any():
        return tubes
    out = tubes.copy()
    named = zip(tubes[some], good["sub_id"][some], strict=True)
    out[some] = _hashes(f"sub{PART}{number}{PART}{bytes(tube).hex()}" for tube, number in named)
    return out


def _words(good: pd.DataFrame) -> Hashes:
    """Assay with its limit, condition of the specimen, and the text where there is no number."""
    said = pd.DataFrame({
        "assay": good["assay"], "limit": good["upper_limit"], "condition": good["condition"].astype(object),
        "text": good["value_text"].where(good["value"].isna()),
    })  # fmt: skip
    some = said.notna().any(axis=1).to_numpy()
    which = np.zeros(len(good), np.int64)
    told = said[some].astype(object)
    told = told.where(told.notna(), "")
    which[some] = told.groupby(list(told), sort=False).ngroup().to_numpy() + 1
    first = told.to_numpy()[np.unique(which[some], return_index=True)[1]]
    texts = [PART.join(map(_text, row)) for row in [("",) * 4, *first]]
    return _hashes(texts)[which]


def _text(part: str | float) -> str:
    return part if isinstance(part, str) else repr(float(part))


def _hashes(texts: Iterable[str]) -> Hashes:
    return np.frombuffer(b"".join([blake2b(text.encode(), digest_size=16).digest() for text in texts]), KEY)


def _hash_records(records: npt.NDArray[np.void]) -> Hashes:
    raw, size = records.tobytes(), records.itemsize
    return np.frombuffer(
        b"".join([blake2b(raw[at : at + size], digest_size=16).digest() for at in range(0, len(raw), size)]), KEY
    )
