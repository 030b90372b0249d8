"""The specimen gates D1 to D4 and D9: states of a draw that its numbers alone, or the patient's past, give away.

Pure: a derived frame of laboratory rows and the patients' stored results in, columns of states out. What a state
means for a row stands in expectations/labs.json. A gate may hold a trend; a value that would be critical is told all
the same (criticals.py). Sources and tags: clinical reference 1.1, as changed by the hazards H2, H3 and H7.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from monitors.records import Flag
from monitors.rules.model import Analyte
from monitors.units import Limit

DAYS, VALUES = 400, 3  # a patient's own median: of at least three results in so many days before the draw
CONTAMINATED = Limit.parse("15 mg/dL | 4.84 mmol/L")  # D1: phosphate of a catheter locked with alteplase
RISE, CALCIUM_SAME, POTASSIUM_SAME = 2.5, 0.12, 0.15  # D1: phosphate against its median, calcium and potassium unchanged
DILUTED = 0.65  # D4: at or below this share of the median
FLIPPABLE = ("phosphate", "calcium", "adjusted_calcium", "pth", "bio_intact_pth", "albumin", "vitamin_d")  # D3: not CRP
FLIP_WINDOW, ALIKE = 0.15, 3  # D3: how near the ratio of two units; patients of one file that flip the same way
OTHERS = ("albumin", "alkaline_phosphatase", "creatinine", "pth", "calcium")  # D9
CHANGED = 3  # D9: how many of them on one accession
# D2: which results a specimen's state spoils. Contamination (EDTA, line, infusion) spoils all of them.
SPOILT_BY = {
    "haemolysed": ("phosphate", "potassium"),
    "lipaemic": ("phosphate", "potassium"),
    "icteric": ("phosphate", "potassium"),
    "delayed": ("phosphate", "potassium"),
    "clotted": ("phosphate", "potassium", "inr"),
}
NAMES = {
    "draw_state": ("right", "contaminated"), "condition_state": ("right", "spoilt"), "flip_state": ("right", "flipped"),
    "dilution_state": ("right", "diluted"), "blood_state": ("right", "other_patient"),
}  # fmt: skip


def states(frame: pd.DataFrame, history: pd.DataFrame | None, analytes: Mapping[str, Analyte]) -> pd.DataFrame:
    """Columns draw_state, condition_state, flip_state, dilution_state, blood_state (NAMES), beside each row.

    frame: derived laboratory rows. history: stored current results of its patients: patient, analyte (number),
    collected_at, value (conventional unit), unit_text, accession; None or empty: what needs a past is 'right'.
    Rows without patient, value or time of draw, and those drawn after dialysis as said, are looked at by D2 alone.
    """
    name = frame["analyte_name"].to_numpy(dtype=object)
    found = {column: np.zeros(len(frame), dtype=bool) for column in NAMES}
    valued = frame["value"].notna().to_numpy()  # taking a result back is no draw
    found["condition_state"] = valued & _spoilt(name, frame["condition"].to_numpy(dtype=object))
    usable = frame["value"].notna() & frame["patient"].notna() & frame["collected_at"].notna()
    rows = frame.loc[usable.to_numpy(), ["patient", "collected_at", "value", "number", "flags", "accession"]].assign(
        name=name[usable], ucum=frame.loc[usable, "measured_in"].to_numpy(dtype=object), place=np.flatnonzero(usable)
    )
    rows["before"] = np.nan
    rows["ucum_before"] = None
    if history is not None and len(history) and len(rows):
        rows = _with_past(rows, history, analytes)
    if rows["before"].isna().all():  # no past, no comparison: a first load of years is spared the work
        found["draw_state"][rows["place"].to_numpy()[_extreme(rows)]] = True
        return _columns(found, frame.index)
    rows["ratio"] = np.where(rows["before"] > 0, rows["value"] / rows["before"], np.nan)
    draw = _draws(rows)
    for column, doubted in (
        ("draw_state", _contaminated(rows, draw)), ("flip_state", _flipped(rows, analytes)),
        ("dilution_state", _diluted(rows, draw)), ("blood_state", _other_blood(rows, draw, analytes)),
    ):  # fmt: skip
        found[column][rows["place"].to_numpy()[doubted]] = True
    return _columns(found, frame.index)


def _columns(found: dict[str, np.ndarray], index: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Categorical.from_codes(doubted.astype(np.int8), pd.Index(NAMES[name])) for name, doubted in found.items()},
        index=index,
    )


def _spoilt(name: np.ndarray, condition: np.ndarray) -> np.ndarray:
    """D2."""
    spoilt: np.ndarray = condition == "contaminated"
    for state, analytes in SPOILT_BY.items():
        spoilt |= (condition == state) & np.isin(name, list(analytes))
    return spoilt


def _with_past(rows: pd.DataFrame, history: pd.DataFrame, analytes: Mapping[str, Analyte]) -> pd.DataFrame:
    """With before (own median) and ucum_before (unit of the latest earlier result), of earlier draws of the patient.

    The past of a patient and analyte, a few results, is one line of a table as wide as the longest of them, by time.
    """
    names = pd.Index([*analytes])
    patients = pd.Index(rows["patient"].unique())
    numbers = pd.Index([analyte.number for analyte in analytes.values()])
    at = pd.DataFrame({
        "patient": patients.get_indexer(pd.Index(history["patient"])), "name": numbers.get_indexer(pd.Index(history["analyte"])),
    })  # fmt: skip
    there = ((at >= 0).all(axis=1) & history["value"].notna().reset_index(drop=True)).to_numpy()
    if not there.any():
        return rows
    past = history[there]
    of_past = (at["patient"] * len(names) + at["name"]).to_numpy()[there]
    when = past["collected_at"].to_numpy("datetime64[us]").astype(np.int64)
    order = np.lexsort((when, of_past))
    lines, starts, sizes = np.unique(of_past[order], return_index=True, return_counts=True)
    accessions, _ = pd.factorize(pd.concat([rows["accession"].astype("str"), past["accession"].astype("str")], ignore_index=True))
    units, spelt = pd.factorize(past["unit_text"])
    own = patients.get_indexer(pd.Index(rows["patient"])) * len(names) + names.get_indexer(pd.Index(rows["name"]))
    line = np.searchsorted(lines, own)
    known = np.append(lines, -1)[line] == own
    width = np.arange(sizes.max())
    cells = np.append(starts, 0)[line][:, None] + width  # (rows, width): places in `order`
    filled = known[:, None] & (width < np.append(sizes, 0)[line][:, None])
    places = order[np.where(filled, cells, 0)]
    age = rows["collected_at"].to_numpy("datetime64[us]").astype(np.int64)[:, None] - when[places]
    accession = accessions[: len(rows), None]
    other = (accession != accessions[len(rows) :][places]) | (accession < 0)
    earlier = filled & (age > 0) & (age <= DAYS * 86_400_000_000) & other
    values = np.sort(np.where(earlier, past["value"].to_numpy(np.float64)[places], np.nan), axis=1)  # NaN comes last
    count = earlier.sum(axis=1)
    enough = np.flatnonzero(count >= VALUES)
    median = np.full(len(rows), np.nan)
    median[enough] = (values[enough, (count[enough] - 1) // 2] + values[enough, count[enough] // 2]) / 2
    some = np.flatnonzero(count)
    last = places[some, len(width) - 1 - np.argmax(earlier[some, ::-1], axis=1)]
    said = _ucum(analytes, [*spelt])
    ucum = np.full(len(rows), None, dtype=object)
    ucum[some] = said[names.get_indexer(pd.Index(rows["name"]))[some], units[last]]
    return rows.assign(before=median, ucum_before=ucum)


def _ucum(analytes: Mapping[str, Analyte], texts: list[str]) -> np.ndarray:
    """(analytes, texts + 1) the UCUM unit each text means for each analyte, None for none; the last text is none."""
    return np.array([
        [spelt.get(text) for text in texts] + [None]
        for spelt in (
            {text: ucum for ucum, unit in analyte.units.items() for text in (ucum, *unit.spellings)}
            for analyte in analytes.values()
        )
    ], dtype=object)  # fmt: skip


def _draws(rows: pd.DataFrame) -> np.ndarray:
    """(n,) number of the draw of each row: patient and accession, else patient and time."""
    patient, _ = pd.factorize(rows["patient"])
    accession, accessions = pd.factorize(rows["accession"])
    time, times = pd.factorize(rows["collected_at"].to_numpy("datetime64[us]"))
    mark = np.where(accession >= 0, accession, len(accessions) + time)
    return np.asarray(pd.factorize(patient * (len(accessions) + len(times)) + mark)[0])


def _exact(rows: pd.DataFrame) -> np.ndarray:
    censored = int(Flag.BELOW | Flag.AT_MOST | Flag.ABOVE | Flag.AT_LEAST)
    return np.asarray((rows["flags"].to_numpy() & censored) == 0)


def _of_draw(rows: pd.DataFrame, draw: np.ndarray, which: np.ndarray) -> np.ndarray:
    """(n,) whether any of the rows `which` stands on the row's draw."""
    return np.isin(draw, draw[which])


def _contaminated(rows: pd.DataFrame, draw: np.ndarray) -> np.ndarray:
    """D1: phosphate at 15 mg/dL or more; or far above the patient's own while calcium and potassium of the same draw
    are as ever. Only the phosphate is doubted: alteplase is dissolved in phosphate."""
    phosphate, name = (rows["name"] == "phosphate").to_numpy(), rows["name"].to_numpy()
    change = (rows["ratio"] - 1).abs().to_numpy()
    calcium = (name == "calcium") & (_near(change, CALCIUM_SAME))
    potassium = (name == "potassium") & (_near(change, POTASSIUM_SAME))
    unchanged = _of_draw(rows, draw, calcium) & _of_draw(rows, draw, potassium)
    return np.asarray(_extreme(rows) | (phosphate & _exact(rows) & (rows["ratio"] > RISE).to_numpy() & unchanged))


def _extreme(rows: pd.DataFrame) -> np.ndarray:
    """D1 without a past: compared in the unit reported."""
    phosphate = (rows["name"] == "phosphate").to_numpy()
    si = (rows["flags"].to_numpy() & int(Flag.SI)) > 0
    upward = (rows["flags"].to_numpy() & int(Flag.BELOW | Flag.AT_MOST)) == 0
    reported = np.where(si | (rows["ucum"] == "mg/dL").to_numpy(), rows["number"], rows["value"])
    return np.asarray(phosphate & upward & (reported >= CONTAMINATED.per(si)))


def _near(distance: np.ndarray, at_most: float) -> np.ndarray:
    return np.asarray(distance <= at_most + 1e-9)  # binary fractions: 1.12 - 1 is a little more than 0.12


def _flipped(rows: pd.DataFrame, analytes: Mapping[str, Analyte]) -> np.ndarray:
    """D3: the ratio to the patient's own median is that of two units of the analyte. Alone that may be true illness
    (hungry bone, refeeding), so it counts only when the declared unit changed as well, or when three patients of the
    file flip the same way."""
    flipped, ratio, name = np.zeros(len(rows), dtype=bool), rows["ratio"].to_numpy(), rows["name"].to_numpy()
    before = rows["ucum_before"].to_numpy(dtype=object)
    changed = pd.notna(before) & np.asarray(before != rows["ucum"].to_numpy(dtype=object), dtype=bool)
    exact = _exact(rows)
    for analyte in FLIPPABLE:
        if analyte not in analytes or not len(own := np.flatnonzero(exact & (name == analyte))):
            continue
        sizes = {unit.per_conventional for unit in analytes[analyte].units.values()}
        for factor in sorted({a / b for a in sizes for b in sizes if a != b}):
            alike = own[_near(np.abs(ratio[own] / factor - 1), FLIP_WINDOW)]
            several = rows["patient"].to_numpy()[alike]
            flipped[alike] |= changed[alike] | (len(set(several)) >= ALIKE)
    return flipped


def _diluted(rows: pd.DataFrame, draw: np.ndarray) -> np.ndarray:
    """D4: potassium, phosphate and urea or creatinine of one draw all far below the patient's own: drawn after
    dialysis, or diluted. The whole draw is doubted, unless the source says it was drawn after dialysis."""
    low = ((rows["ratio"] <= DILUTED + 1e-9) & (rows["ratio"] > 0)).to_numpy()
    name = rows["name"].to_numpy()
    waste = np.isin(name, ["urea", "creatinine"])
    # of several results for one analyte each has to be low: a repeat that is as ever clears the draw
    low_all = [
        _of_draw(rows, draw, low & which) & ~_of_draw(rows, draw, ~low & which & rows["before"].notna().to_numpy())
        for which in (name == "potassium", name == "phosphate", waste)
    ]
    said = (rows["flags"].to_numpy() & int(Flag.POST_DIALYSIS)) > 0
    return np.asarray(np.logical_and.reduce(low_all) & ~said)


def _other_blood(rows: pd.DataFrame, draw: np.ndarray, analytes: Mapping[str, Analyte]) -> np.ndarray:
    """D9 (H7): three or more of OTHERS on one draw beyond their reference change: possibly another patient's blood."""
    limit = {key: analytes[key].reference_change for key in OTHERS if key in analytes}
    allowed = rows["name"].map(limit).to_numpy(dtype=np.float64)
    ratio = rows["ratio"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = _exact(rows) & (np.maximum(ratio, 1 / ratio) > 1 + allowed + 1e-9)
    changed = pd.DataFrame({"draw": draw, "name": rows["name"].to_numpy()})[beyond].drop_duplicates()
    counts = changed["draw"].value_counts()
    return np.isin(draw, counts.index[counts >= CHANGED])
