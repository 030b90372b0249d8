"""A site with something of everything on its pages: for the browser, and for pictures."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy

from tests.site import draw, monthly
from tests.web.conftest import Web

SERIES = {  # who, and what their last four draws were, 28 days apart
    "T4": ({"P": 5.1, "CA": 9.2}, {"P": 5.9, "CA": 9.4}, {"P": 6.6, "CA": 9.6}, {"P": 7.1, "CA": 9.9, "PTH": 610}),
    "T5": ({"P": 4.9, "CA": 9.9}, {"P": 5.0, "CA": 10.4}, {"P": 5.2, "CA": 10.7}, {"P": 5.1, "CA": 10.9, "PTH": 120}),
    "T6": ({"P": 4.4, "CA": 8.8}, {"P": 4.6, "CA": 8.5}, {"P": 4.5, "CA": 8.2}, {"P": 4.7, "CA": 7.7, "K": 5.0}),
    "T7": ({"P": 6.3, "CA": 9.0}, {"P": 6.2, "CA": 9.1}, {"P": 6.6, "CA": 9.0}, {"P": 6.9, "CA": 9.1, "K": 7.1}),
    "T8": ({"P": 6.3, "CA": 9.0}, {"P": 6.2, "CA": 9.1}, {"P": 6.6, "CA": 9.0}, {"P": 6.4, "CA": 9.1, "PTH": 1400}),
}


def crowd(web: Web) -> Web:
    """Five more patients; one alert taken, one acknowledged; one unit opened in an emergency; another rule set."""
    site, day = web.site, web.site.clock.date()
    site.patients(*SERIES)
    site.labs("crowd.csv", *(row for name, series in SERIES.items() for row in monthly(name, day, *series)),
              *draw("T9", day, P=6.0), *draw("T4", day, CA="pending"))  # fmt: skip
    listed = {"patient": "T4", "listed": "2026-04-10"}
    site.medications("crowd-m.csv", {**listed, "drug": "calcium carbonate", "start": "2025-11-03"},
                     {**listed, "drug": "calcitriol", "start": "2026-02-20", "stop": "2026-04-01"})  # fmt: skip
    site.night(day + timedelta(days=1))
    engine = sqlalchemy.create_engine(site.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sqlalchemy.text(
            "UPDATE nephrowatch.census SET schedule = CASE subject_id % 2 WHEN 0 THEN 'Mon/Wed/Fri' ELSE 'Tue/Thu/Sat' END, "
            "clinician = 'Dr. Near'"))  # fmt: skip
        connection.execute(sqlalchemy.text(
            "INSERT INTO nephrowatch.rulesets SELECT 'older', replace(body, '\"5.5', '\"5.6'), first_used - interval '90 days' "
            "FROM nephrowatch.rulesets"))  # fmt: skip
    engine.dispose()
    open_ = [row.ref for row in site.rows(
        "SELECT ref FROM nephrowatch.episodes WHERE unit = 'N1' AND state = 'open' ORDER BY episode_id")]  # fmt: skip
    for ref, action in ((open_[-1], "take"), (open_[-2], "acknowledge"), (open_[-2], "take")):
        web.as_("doctor").get(f"/alerts/{ref}")
        assert web.post("doctor", f"/alerts/{ref}/{action}", reason="Seen on the round.").status_code == 303
    assert web.post("foreign", "/emergency", unit="N1", reason="On call for unit N1 tonight").status_code == 303
    web.as_("foreign").get(f"/alerts/{web.ref}")
    web.as_("care").get(web.patient("care"))
    return web


__all__ = ["crowd"]
