"""What the nights led to, counted: new alerts per 100 patients per month, by cadence, rule, cause group and month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitors.simulate.assumptions import CADENCES

MONTH_WEEKS = 365.25 / 12 / 7
KINDS = ("notified", "list_only", "message")
NAMES = {"notified": "notified", "list_only": "list only", "message": "further messages"}


@dataclass(frozen=True)
class Counted:
    """Events and census of one run. shares: cadence -> weight in overall figures. first: the baseline week."""

    events: pd.DataFrame
    census: pd.DataFrame
    shares: dict[str, float]
    first: int

    @property
    def new(self) -> pd.DataFrame:
        """Everything after the baseline night."""
        return self.events[self.events["week"] > self.first]

    def months(self, census: pd.DataFrame) -> pd.Series:
        """Hundreds of patient-months, by cadence; every cadence there."""
        people = census.groupby("unit")["patients"].sum().reindex(list(CADENCES), fill_value=0)
        return people / MONTH_WEEKS / 100

    def rates(self, by: list[str], events: pd.DataFrame | None = None, census: pd.DataFrame | None = None) -> pd.DataFrame:
        """New alerts per 100 patients per month: a row for each value of `by`, a column a cadence, and `overall`."""
        chosen = self.new if events is None else events
        counts = chosen.groupby([*by, "unit"]).size().unstack("unit", fill_value=0).reindex(columns=list(CADENCES), fill_value=0)
        rates = counts / self.months(self.census[self.census["week"] > self.first] if census is None else census)
        return rates.assign(overall=rates @ pd.Series(self.shares).reindex(list(CADENCES)))

    def after(self, week: int) -> pd.DataFrame:
        """Rates by kind from a later week on."""
        later = self.new[self.new["week"] > week]
        return self.rates(["what"], later, self.census[self.census["week"] > week])

    def curve(self) -> pd.DataFrame:
        """Overall rates by month since the baseline night: columns of KINDS, rows 1, 2, ..."""
        month = np.ceil((self.new["week"] - self.first) / MONTH_WEEKS).astype(int)
        people = np.ceil((self.census["week"] - self.first) / MONTH_WEEKS).astype(int)
        rows = {}
        for number in range(1, int(people.max()) + 1):
            rates = self.rates(["what"], self.new[month == number], self.census[people == number])
            rows[number] = rates["overall"].reindex(list(KINDS), fill_value=0.0)
        return pd.DataFrame(rows).T

    def baseline(self) -> pd.DataFrame:
        """Alerts of the baseline night per 100 patients, by rule (rows) and what became of them (columns)."""
        night = self.events[self.events["week"] == self.first]
        people = self.census[self.census["week"] == self.first]["patients"].sum() / 100
        return night.groupby(["rule", "what"]).size().unstack("what", fill_value=0) / people

    def open_share(self) -> pd.Series:
        """Share of patients with an open alert, by week."""
        sums = self.census.groupby("week")[["patients", "open"]].sum()
        return sums["open"] / sums["patients"]
