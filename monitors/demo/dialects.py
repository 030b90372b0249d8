"""How each of the demo's laboratories prints a result, and the headers, words and dates of the three that send CSV.

They differ on purpose: what differs here is what config/feeds.yaml maps back, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Assayed:
    """One analyte at one laboratory: its code, unit text, factor from the conventional unit, printed
    decimals, and the ends of what the method can count ('<low', '>high')."""

    code: str
    unit: str
    factor: float = 1.0
    decimals: int = 1
    low: float = 0.0
    high: float = np.inf


@dataclass(frozen=True)
class Laboratory:
    """What a laboratory prints, whatever the format. pth_limit: in its own unit. accession: what its numbers begin with.
    statuses: our word -> its own."""

    unit: str
    zone: str
    dates: str
    accession: str
    statuses: Mapping[str, str]
    analytes: Mapping[str, Assayed]
    pth_method: str
    pth_limit: str

    def print(self, rows: pd.DataFrame) -> pd.DataFrame:
        """From analyte and value (conventional): code, value_text, unit_text, assay, upper_limit texts."""
        kinds = rows["analyte"].map(self.analytes)
        number = rows["value"].to_numpy() * np.array([k.factor for k in kinds])
        texts = [_printed(value, kind) for value, kind in zip(number, kinds, strict=True)]
        pth = rows["analyte"].to_numpy() == "pth"
        return rows.assign(
            code=[k.code for k in kinds], value_text=texts, unit_text=[k.unit for k in kinds],
            assay=np.where(pth, self.pth_method, ""), upper_limit=np.where(pth, self.pth_limit, ""),
        )  # fmt: skip

    def when(self, moments: pd.Series) -> pd.Series:
        """Local wall times as this laboratory writes them."""
        return pd.Series(moments.dt.tz_localize(self.zone).dt.strftime(self.dates))


@dataclass(frozen=True)
class Dialect(Laboratory):
    """A laboratory that sends CSV. columns: our word -> its header, in the order written."""

    delimiter: str
    encoding: str
    columns: Mapping[str, str]

    def write(self, rows: pd.DataFrame) -> bytes:
        """Canonical rows (see generate.results) as this laboratory's CSV file."""
        text = pd.DataFrame({header: rows[word] for word, header in self.columns.items()})
        return text.to_csv(index=False, sep=self.delimiter, lineterminator="\r\n").encode(self.encoding)


def _printed(value: float, kind: Assayed) -> str:
    if value < kind.low:
        return f"<{kind.low:g}"
    if value > kind.high:
        return f">{kind.high:g}"
    return f"{value:.{kind.decimals}f}"


NORTH = Dialect(
    unit="N1", zone="Europe/London", delimiter=";", encoding="utf-8", dates="%d/%m/%Y %H:%M", accession="NL",
    statuses={"final": "Final", "preliminary": "Provisional", "corrected": "Amended",
    "cancelled": "Cancelled"},
    columns={
        "identifier": "Patient No", "born": "Birth Date", "accession": "Sample", "code": "Test",
        "value_text": "Result",
        "unit_text": "Units", "upper_limit": "Upper Ref", "assay": "Method", "status": "State",
        "timing": "Timing",
        "collected": "Taken", "issued": "Reported", "note": "Comment",
    },
    analytes={
        "phosphate": Assayed("PHOS", "mmol/L", 0.3229, 2), "calcium": Assayed("CAL", "mmol/L", 0.2495, 2),
        "pth": Assayed("PTHI", "pmol/L", 0.106, 1, 0.5, 265), "albumin": Assayed("ALB", "g/L", 10, 0),
        "alkaline_phosphatase": Assayed("ALKP", "iu/L", 1, 0), "potassium": Assayed("K", "mmol/L"),
        "crp": Assayed("CRPN", "mg/L", 1, 0, 5), "inr": Assayed("INR", "INR"), "haemoglobin": Assayed("HB",
        "g/L", 10, 0),
        "urine_phosphate": Assayed("UPHO", "mmol/L", 1, 1),
    },
    pth_method="intact, assay A", pth_limit="6.9",
)  # fmt: skip
EAST = Dialect(
    unit="N2", zone="America/New_York", delimiter=",", encoding="utf-8", dates="%Y-%m-%dT%H:%M:%S%z",
    accession="E-",
    statuses={"final": "F", "preliminary": "P", "corrected": "C", "cancelled": "X"},
    columns={
        "accession": "accession", "identifier": "patient_id", "collected": "collected", "issued": "issued",
        "code": "loinc",
        "value_text": "value", "unit_text": "unit", "upper_limit": "high", "assay": "method",
        "status": "status",
        "timing": "timing", "note": "note",
    },
    analytes={
        "phosphate": Assayed("2777-1", "mg/dL"), "calcium": Assayed("17861-6", "mg/dL"),
        "pth": Assayed("2731-8", "pg/mL", 1, 0, 10, 2500), "albumin": Assayed("1751-7", "g/dL"),
        "alkaline_phosphatase": Assayed("6768-6", "IU/L", 1, 0), "potassium": Assayed("2823-3", "mmol/L"),
        "crp": Assayed("1988-5", "mg/L", 1, 0, 10), "inr": Assayed("6301-6", "ratio"),
        "haemoglobin": Assayed("718-7", "g/dL"),
        "urine_phosphate": Assayed("2778-9", "mg/dL"),
    },
    pth_method="intact, assay B", pth_limit="70",
)  # fmt: skip
SOUTH = Dialect(
    unit="N3", zone="Europe/Berlin", delimiter=";", encoding="latin-1", dates="%d.%m.%Y %H:%M", accession="S",
    statuses={"final": "endgültig", "preliminary": "vorläufig", "corrected": "korrigiert",
    "cancelled": "storniert"},
    columns={
        "identifier": "Patientennummer", "accession": "Auftrag", "collected": "Entnahme", "code": "Prüfung",
        "value_text": "Ergebnis", "unit_text": "Einheit", "upper_limit": "Obergrenze", "assay": "Methode",
        "status": "Status", "timing": "Zeitpunkt", "issued": "Freigabe", "note": "Bemerkung",
    },
    analytes={
        "phosphate": Assayed("PHOSPHAT", "mmol/l", 0.3229, 2), "calcium": Assayed("CALCIUM",
        "mmol/l", 0.2495, 2),
        "pth": Assayed("PARATHORMON", "ng/l", 1, 0, 3, 2500), "albumin": Assayed("ALBUMIN", "g/l", 10, 1),
        "alkaline_phosphatase": Assayed("AP", "U/l", 1, 0), "potassium": Assayed("KALIUM", "mmol/l"),
        "crp": Assayed("CRP", "mg/l", 1, 1, 1), "inr": Assayed("QUICK-INR", "INR"),
        "haemoglobin": Assayed("HB", "g/l", 10, 0),
        "urine_phosphate": Assayed("PHOSPHAT-U", "mmol/l", 1, 1),
    },
    pth_method="intakt, Verfahren C", pth_limit="65",
)  # fmt: skip
DIALECTS = {dialect.unit: dialect for dialect in (NORTH, EAST, SOUTH)}
