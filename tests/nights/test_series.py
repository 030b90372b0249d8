"""A hand-made dialysis year, fed night by night: each rule is seen to fire and to clear.

Dates down; P, Ca, PTH as drawn (mg/dL, mg/dL, pg/mL; upper limit of PTH 65); what stands open the night after.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from monitors import replay
from tests.site import Site, draw

R01 = """
    day          P     Ca    PTH   open after
    2025-07-01   4.8   9.2   -     -
    2025-07-29   5.9   9.2   -     -
    2025-08-26   6.1   9.3   -     phosphate
    2025-09-23   -     -     -     phosphate
    2025-10-21   5.6   9.3   -     phosphate
    2025-11-18   5.0   9.2   -     phosphate
    2025-12-16   4.9   9.2   -     -
"""

R13 = """
    day          P     Ca    PTH   open after
    2025-05-06   4.8   9.2   480   -
    2025-07-29   4.8   9.2   590   -
    2025-10-21   4.9   9.2   610   pth
    2025-11-18   4.9   9.2   -     pth
    2026-01-13   4.9   9.2   450   pth
    2026-03-10   4.9   9.2   440   -
"""

R10 = """
    day          P     Ca    PTH   open after
    2025-07-01   4.8   9.2   -     -
    2025-07-29   6.0   9.6   -     calciphylaxis
    2025-08-26   6.2   9.5   -     calciphylaxis phosphate
    2025-09-23   4.9   9.4   -     calciphylaxis phosphate
    2025-10-21   -     -     -     calciphylaxis phosphate
    2025-11-18   4.8   9.3   -     -
"""


def lines(table: str) -> list[list[str]]:
    return [line.split(maxsplit=4) for line in table.strip().splitlines()[1:]]


@pytest.mark.parametrize(("rule", "table", "drug"), [("R01", R01, ""), ("R13", R13, ""), ("R10", R10, "Warfarin 5 mg")])
def test_a_rule_fires_and_clears_along_a_series(site: Site, rule: str, table: str, drug: str) -> None:
    site.patients("T1", since="2025-01-01")
    seen = []
    for day, p, ca, pth, _ in lines(table):
        drawn = date.fromisoformat(day)
        values = {name: float(text) for name, text in (("P", p), ("CA", ca), ("PTH", pth)) if text != "-"}
        if values:
            site.labs(f"{day}.csv", *draw("T1", drawn, uln=65, **values))
        site.medications(f"{day}.csv", {"patient": "T1", "drug": drug, "start": "2025-05-01" if drug else "", "listed": day})
        site.night(drawn + timedelta(days=1))
        ended = ("resolved", "retracted", "closed")
        open_ = [e["group"] for e in site.episodes() if e["state"] not in ended and e["group"] != "gap"]  # one thing a series
        standing = " ".join(sorted(open_))
        seen.append((day, standing or "-"))
    assert seen == [(row[0], row[4]) for row in lines(table)]
    assert any(rule in [limb[0] for limb in e["limbs"]] and e["state"] == "resolved" for e in site.episodes())
    again = replay.replay(site.db, site.here.config, date.min, date.max)
    assert (again.differences, again.decisions) == ([], len(seen))
