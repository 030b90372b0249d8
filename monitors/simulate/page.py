"""docs/burden.md: figures, how they came about, and every assumption, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitors.rules.model import Rule
from monitors.simulate.assumptions import CADENCES, Assumptions
from monitors.simulate.count import KINDS, NAMES, Counted
from monitors.simulate.plain import POLICIES
from monitors.simulate.svg import bars, lines

NOTIFIED, LISTED, SENSITIVITY = 2.0, 6.0, 0.95
SETTLED = 26  # weeks after the baseline night from which figures are given a second time
COLUMNS = [*CADENCES, "overall"]
RESTS_ON = (  # kind, rule, its limbs (a pattern), the statement of the catalogue
    ("safety", "R06", "low|critical", "on a calcimimetic: calcium below 7.9 once HIGH, below 7.5 CRITICAL"),
    ("safety", "R07", "", "calcium below 7.5 without any drug HIGH"),
    ("safety", "R20", "", "potassium of 6.5 or more, or 2.8 or less"),
    ("safety", "R02", "", "phosphate of 9.0 or more"),
    ("safety", "R03", "", "phosphate critically low"),
    ("safety", "R05", "", "calcium of 13.0 or more"),
    ("other", "R01", "", "mean phosphate of six months of 6.5 or more"),
    ("other", "R06", "twice", "on a calcimimetic: calcium below 8.4 twice"),
    ("other", "R16", "", "active vitamin D and one calcium above 10.2"),
    ("other", "R17", "", "calcium binder and one calcium above 10.2"),
    ("other", "R04", "", "calcium above 10.2 twice with binder or vitamin D, or above 11.0"),
    ("other", "R13", "", "PTH above 1,000"),
    ("other", "R14", "", "PTH low twice with a calcium binder, or with calcium above 10.2"),
    ("other", "R10", "", "vitamin K antagonist with raised mineral values, persistent"),
    ("other", "R11", "", "vitamin K antagonist with three dynamic factors"),
    ("other", "R08", "", "denosumab: calcium missing or low"),
    ("other", "R12", "", "calciphylaxis with a drug to review"),
)


@dataclass(frozen=True)
class Result:
    """Everything one run found. plain: policy -> alerts per 100 patients per month by cadence."""

    patients: int
    months: int
    seed: int
    ruleset: str
    counted: Counted
    plain: pd.DataFrame
    rises: pd.DataFrame
    rules: Mapping[str, Rule]
    given: Assumptions

    @property
    def sensitivity(self) -> pd.DataFrame:
        """By cadence: rises to 6.5 mg/dL or more, share noticed by the third counted draw, standard error, median days."""
        rises = self.rises[self.rises["level"] >= 6.5]
        found = rises.groupby("unit").agg(rises=("third", "size"), share=("third", "mean"), draws=("draws", "mean"))
        found["error"] = np.sqrt(found["share"] * (1 - found["share"]) / found["rises"])
        found["days"] = rises[rises["days"] > 0].groupby("unit")["days"].median()
        return found.reindex(list(CADENCES))


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |"
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""


def rate_rows(rates: pd.DataFrame, least: float = 0.0) -> list[list[str]]:
    """Rows of a table, greatest overall first."""
    ordered = rates.sort_values("overall", ascending=False)
    names = [" ".join(one) if isinstance(one, tuple) else str(one) for one in ordered.index]
    return [[name, *(f"{value:.2f}" for value in row)] for name, row in zip(names, ordered[COLUMNS].to_numpy(), strict=True)
            if row[-1] >= least]  # fmt: skip


def page(result: Result) -> str:
    parts = [*_head(result), *_targets(result), *_made_of(result), *_curve(result), *_by_rule(result), *_baseline(result),
             *_rises(result), *_plain(result), *_how(result), *_assumptions(result)]  # fmt: skip
    return "\n".join(parts).rstrip() + "\n"


def _head(result: Result) -> Iterator[str]:
    yield "# The burden of alerts in a simulated unit\n"
    command = f"python -m monitors.simulate --patients {result.patients} --months {result.months} --seed {result.seed}"
    yield (f"Written by `{command}` under rule set `{result.ruleset}`. Made-up patients; the figures hold for the "
           "assumptions printed below and for nothing else. Whether they hold at a real unit is what a backtest on its "
           "own history says.\n")  # fmt: skip


def _verdict(value: float, limit: float, least: bool = False) -> str:
    return "met" if (value >= limit if least else value <= limit) else "**missed**"


def _targets(result: Result) -> Iterator[str]:
    rates, settled = result.counted.rates(["what"]), result.counted.first + SETTLED
    times = [("all months", rates)]
    if result.counted.census["week"].max() > settled:
        times.append((f"from week {SETTLED + 1}", result.counted.after(settled)))
    found = result.sensitivity["share"]
    yield "## Against the targets\n"
    yield "New alerts per 100 patients per month, the baseline night apart; sensitivity within three counted draws.\n"
    rows = []
    for kind, limit in (("notified", NOTIFIED), ("list_only", LISTED)):
        for when, frame in times:
            row = frame.reindex(list(KINDS), fill_value=0.0).loc[kind, COLUMNS]
            verdict = f"at most {limit:g}: {_verdict(float(row.to_numpy()[-1]), limit)}"
            rows.append([f"{NAMES[kind]}, {when}", *(f"{value:.2f}" for value in row), verdict])
    least = float(found.min())
    verdict = f"at least {SENSITIVITY}: {_verdict(least, SENSITIVITY, least=True)}"
    rows.append(["sensitivity", *(f"{value:.3f}" for value in found), f"{least:.3f} (least)", verdict])
    yield from table(["", *COLUMNS, "target"], rows)
    messages = float(rates["overall"].get("message", 0.0))
    yield (f"Further messages about an alert its readers had been told of (worse, or a new limb): {messages:.2f}. "
           f"Patients with an open alert: {result.counted.open_share().iloc[-1]:.0%} on the last night.\n")  # fmt: skip


def _curve(result: Result) -> Iterator[str]:
    yield "## Over time\n"
    yield "![New alerts per 100 patients per month](burden-curve.svg)\n"
    curve = result.counted.curve()
    pairs = zip(curve.index, curve[list(KINDS)].to_numpy(), strict=True)
    rows = [[str(number), *(f"{value:.2f}" for value in row)] for number, row in pairs]
    yield from table(["month", *(NAMES[kind] for kind in KINDS)], rows)


def _made_of(result: Result) -> Iterator[str]:
    """What the notified alerts are made of, and what each part rests on."""
    events = result.counted.new[result.counted.new["what"] == "notified"]
    limbs = result.counted.rates(["rule", "limb"], events).reset_index()
    rows, sums = [], dict.fromkeys(("safety", "other"), 0.0)
    for kind, rule, limb, words in RESTS_ON:
        chosen = limbs[(limbs["rule"] == rule) & limbs["limb"].str.contains(limb, regex=True)]
        total = chosen[COLUMNS].sum()
        sums[kind] += float(total["overall"])
        limbs = limbs.drop(chosen.index)
        rows.append([f"{rule} {words}", *(f"{value:.2f}" for value in total)])
    rest = float(limbs["overall"].sum())
    yield "### What the notified alerts rest on\n"
    yield ("Each line is one statement of the catalogue as decided (clinical-decisions B), with what it costs at the assumptions "
           "below. Single dangerous values of calcium, potassium and phosphate (the first six lines) make "
           f"{sums['safety']:.2f} by themselves, the others {sums['other']:.2f}; limbs not named here {rest:.2f}. The target of "
           f"{NOTIFIED:g} leaves {max(NOTIFIED - sums['safety'], 0):.2f} for every HIGH by persistence, exposure or PTH. No "
           "limit was bent to meet it: which of these is to be listed instead of told is for a clinician to decide, in "
           "`overrides.yaml`, after a backtest on the unit's own history.\n")  # fmt: skip
    yield from table(["told because", *COLUMNS], rows)
    promoted = _first_listed(events, result.counted.new)
    listed = float(result.counted.rates(["what"])["overall"].get("list_only", 0.0))
    share = float(result.counted.rates(["what"], events[promoted])["overall"].sum())
    yield (f"Of the notified, {share:.2f} had stood on the list first and are counted in both lines above. "
           f"Counted once, by the worst they came to, list only is {listed - share:.2f}.\n")  # fmt: skip


def _first_listed(events: pd.DataFrame, every: pd.DataFrame) -> pd.Series:
    """Which of `events` came next after a listing of the same patient and cause group."""
    ordered = every.sort_values(["patient", "group", "week"], kind="stable")
    before = ordered.groupby(["patient", "group"])["what"].shift(1)
    return before.reindex(events.index).eq("list_only")


def _by_rule(result: Result) -> Iterator[str]:
    yield "## By rule, cause group and limb\n"
    yield ("An alert that several rules of one cause group raise the same night counts for the worst of them. Alerts "
           "told count where they were first told.\n")  # fmt: skip
    titles = {rule.id: rule.title for rule in result.rules.values()}
    for kind in ("notified", "list_only"):
        events = result.counted.new[result.counted.new["what"] == kind]
        yield f"### {NAMES[kind].capitalize()}\n"
        rows = rate_rows(result.counted.rates(["rule"], events))
        yield from table(["rule", *COLUMNS], [[f"{row[0]} {titles.get(row[0], '')}", *row[1:]] for row in rows])
        groups = rate_rows(result.counted.rates(["group"], events))
        yield from table(["cause group", *COLUMNS], [[row[0].replace("_", " "), *row[1:]] for row in groups])
        limbs = rate_rows(result.counted.rates(["rule", "limb"], events), 0.05)
        yield from table(["rule and limbs (0.05 and more)", *COLUMNS], [[row[0].replace("_", " "), *row[1:]] for row in limbs])


def _baseline(result: Result) -> Iterator[str]:
    yield "## The baseline night\n"
    yield "What stood at the start, per 100 patients: listed and told to nobody, but for what must be told at once.\n"
    found = result.counted.baseline().reindex(columns=["notified", "list_only"], fill_value=0.0)
    yield from table(["rule", "told", "listed"], [[str(rule), *(f"{value:.2f}" for value in row)]
                                                   for rule, row in zip(found.index, found.to_numpy(), strict=True)])  # fmt: skip


def _rises(result: Result) -> Iterator[str]:
    yield "## True rises of phosphate\n"
    yield ("Another unit in which every patient's true phosphate steps up, on a known day, to 6.5 mg/dL or more. "
           "Noticed: R01 or R02 raised. A counted draw is the first after the rise, then the first at least 18 days "
           "later, and again; so three counted draws take six weeks in a weekly unit, where three draws of any kind take"
           " two and cannot show persistence.\n")  # fmt: skip
    rows = [[str(name), f"{row.rises:.0f}", f"{row.share:.3f}", f"{row.error:.3f}", f"{row.draws:.3f}", f"{row.days:.0f}"]
            for name, row in result.sensitivity.iterrows()]  # fmt: skip
    head = ["cadence", "rises", "by the third counted draw", "standard error", "by the third draw of any kind", "median days"]
    yield from table(head, rows)


def _plain(result: Result) -> Iterator[str]:
    yield "## Beside simpler ways\n"
    yield ("The same phosphate draws under a ping for every value above 5.5 mg/dL, under persistence alone (two of three"
           " counted draws, an episode as often as that begins), and under persistence with hysteresis as in R01.\n")  # fmt: skip
    yield "![Phosphate alerts per 100 patients per month](burden-phosphate.svg)\n"
    rows = [[name, *(f"{value:.1f}" for value in result.plain.loc[name, COLUMNS])] for name in POLICIES]
    yield from table(["phosphate alerts", *COLUMNS], rows)


def _how(result: Result) -> Iterator[str]:
    yield "## How it was done\n"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in result.counted.shares.items())
    yield (f"A quarter of the patients on each cadence; overall figures weigh them: {shares}. The unit draws on Tuesdays,"
           " and one night a week is judged and decided, the next morning at 04:00: on other nights nothing new would "
           "have come, but an overdue test shows up to six days late, and potassium is always less than a day old. Half "
           "a year of history lies before the baseline night. Judging and deciding are the product's own "
           "(`rules.judge.judge`, `alerts.reconcile`), in memory; HIGH and CRITICAL are told, WARNING is listed. Nobody "
           "acknowledges, dismisses or treats: a true rise ends by itself. Every leaver is replaced, and a newcomer's "
           "alerts count as new. Not modelled: corrections, transfers, change of assay, home medicines, what alerts "
           "bring about.\n")  # fmt: skip


def _assumptions(result: Result) -> Iterator[str]:
    yield "## Assumptions\n"
    yield "`benchmarks/simulated_unit.yaml`, as used.\n"
    yield "| what | value | tag | source |"
    yield "| --- | --- | --- | --- |"
    for name, one in result.given.stated.items():
        yield f"| {name.replace('_', ' ')} | {_shown(one.value)} | {one.tag} | {one.source} |"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("fact:", "").replace("_", " ")


def charts(result: Result) -> dict[str, str]:
    """File name -> SVG text."""
    curve = result.counted.curve()
    phosphate = {name: {str(one): float(value) for one, value in result.plain[name].items()} for name in COLUMNS}
    return {
        "burden-curve.svg": lines(
            "New alerts per 100 patients per month", [int(month) for month in curve.index],
            {NAMES[kind]: curve[kind].tolist() for kind in ("notified", "list_only")},
            {f"target {NOTIFIED:g}": NOTIFIED, f"target {LISTED:g}": LISTED}, "months since the baseline night",
        ),
        "burden-phosphate.svg": bars("Phosphate alerts", phosphate, "per 100 patients per month"),
    }  # fmt: skip
