"""Units as types, one rounding for everybody, and limits written in both unit systems.

A value is stored once, as a double in the analyte's conventional unit, rounded by `round6`. It is
*compared* in the unit system it was reported in: a laboratory that prints 1.78 mmol/L is held against
1.78 mmol/L, not against 5.5 mg/dL converted. What is printed is what is computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, overload

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class System(IntEnum):
    """Unit system a value was reported in. The number is the bit stored with each result."""

    CONVENTIONAL = 0
    SI = 1


@overload
def round6(value: float) -> float: ...
@overload
def round6(value: FloatArray) -> FloatArray: ...
def round6(value: Any) -> Any:
    """Round to 6 decimals, half to even on the scaled value; scalar in, float out; array in, array out.

    The only rounding in the product: engine, slow twin and SQL (`nephrowatch.round6`) give the same bits,
    because all three compute rint(x * 1e6) / 1e6 in IEEE doubles.
    """
    if isinstance(value, np.ndarray):
        return np.rint(value * 1e6) / 1e6
    return float(np.rint(np.float64(value) * 1e6) / 1e6)


@dataclass(frozen=True)
class Quantity:
    """How one analyte is measured.

    conventional, si: UCUM codes. to_si: factor from conventional to SI (value_si = value * to_si).
    """

    conventional: str
    si: str
    to_si: float

    def unit(self, system: System) -> str:
        """UCUM unit printed for a value reported in `system`."""
        return self.si if system == System.SI else self.conventional


def as_reported(value: FloatArray, si: npt.NDArray[np.bool_], to_si: float) -> FloatArray:
    """Canonical values back in the unit system each was reported in.

    value: (n,) conventional unit; si: (n,) True where reported in SI. Exact for anything a laboratory
    prints with five decimals or fewer, because conversion out and back is rounded by `round6` each way.
    """
    return np.where(si, round6(value * to_si), value)


_LIMIT = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*(\S+)\s*\|\s*(-?\d+(?:\.\d+)?)\s*(\S+)\s*$")


@dataclass(frozen=True)
class Limit:
    """One clinical limit, authored in both unit systems, e.g. ``5.5 mg/dL | 1.78 mmol/L``."""

    conventional: float
    si: float
    conventional_unit: str
    si_unit: str

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``number unit | number unit``. Raises ValueError with a sentence that says what is wrong."""
        match = _LIMIT.match(text)
        if not match:
            raise ValueError(
                f"limit {text!r} must give both unit systems, like '5.5 mg/dL | 1.78 mmol/L'"
            )
        return cls(float(match[1]), float(match[3]), match[2], match[4])

    def per(self, si: npt.NDArray[np.bool_]) -> FloatArray:
        """The limit each value is compared with: (n,) in the unit system of each value."""
        return np.where(si, self.si, self.conventional)

    def number(self, system: System) -> float:
        return self.si if system == System.SI else self.conventional

    def __str__(self) -> str:
        return f"{self.conventional:g} {self.conventional_unit} | {self.si:g} {self.si_unit}"
