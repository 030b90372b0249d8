"""The trend picture: what is joined, what is not, that it is the same bytes, that it names nobody."""

from __future__ import annotations

import struct
from datetime import date

import pytest

from monitors.delivery.charts import Period, Point, Series, runs, trend

CHART: tuple[tuple[Series, ...], tuple[Period, ...], date] = (
    (
        Series("Phosphate", "mg/dL", tuple(
            Point(date.fromisoformat(day), value)
            for day, value in (("2025-10-21", 5.1), ("2026-01-20", 5.3), ("2026-02-17", 5.2), ("2026-03-17", 5.9),
                               ("2026-04-14", 6.8))
        ), high=5.5),
        Series("Calcium", "mg/dL", tuple(
            Point(date.fromisoformat(day), value)
            for day, value in (("2026-01-20", 9.4), ("2026-02-17", 9.5), ("2026-03-17", 9.6), ("2026-04-14", 9.7))
        ), low=8.4, high=10.2),
        Series("PTH", "pg/mL", (
            Point(date(2025, 10, 21), 410, assay="assay A"), Point(date(2025, 12, 16), 480, assay="assay A"),
            Point(date(2026, 2, 17), 540, assay="assay B"),
        ), low=130, high=585),
    ),
    (Period("warfarin", date(2025, 11, 3)), Period("calcium carbonate", date(2025, 8, 1), date(2026, 3, 21)),
     Period("calcitriol", date(2026, 3, 21))),
    date(2026, 4, 15),
)  # fmt: skip
PTH = Series("PTH", "pg/mL", (
    Point(date(2025, 6, 3), 310, assay="assay A"), Point(date(2025, 9, 2), 420, assay="assay A"),
    Point(date(2025, 10, 1), 460, assay="assay A"), Point(date(2025, 11, 1), 700, assay="assay B"),
))  # fmt: skip


def test_a_gap_and_a_change_of_assay_break_the_line() -> None:
    assert [[point.value for point in run] for run in runs(PTH.points)] == [[310], [420, 460], [700]]


def test_the_same_series_give_the_same_picture_at_a_phones_width() -> None:
    first, second = trend(*CHART), trend(*CHART)
    assert first == second
    width, height = struct.unpack(">II", first[16:24])
    assert width == 720
    assert height < 1400
    assert b"tEXt" not in first  # no word beside the picture that could name anybody


def test_every_value_limit_and_drug_changes_the_picture() -> None:
    series, drugs, until = CHART
    whole = trend(series, drugs, until)
    changed = Series(series[0].name, series[0].unit, (*series[0].points[:-1], Point(series[0].points[-1].day, 6.7)), high=5.5)
    assert trend((changed, *series[1:]), drugs, until) != whole
    assert trend(series, drugs[:-1], until) != whole
    assert trend(series, (*drugs[:-1], Period("other", date(2026, 1, 1))), until) != whole


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="no value"):
        trend((Series("PTH", "pg/mL", ()),), (), date(2026, 4, 15))
