"""What judging says: findings, and one outcome for every patient and rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from monitors.measures import IntArray
from monitors.records import Finding, Outcome
from monitors.rules.standing import FIRING, HOLDING, NOT_RAISED, OUTCOMES


@dataclass(frozen=True)
class Judged:
    """What judging one shard says.

    findings: every finding but plain CLEAR ones that never raised within the look-back. counts: unit, rule,
    outcome, reason, patients; every patient x rule exactly once. patients: (n,) ids; outcomes: rule -> (n,)
    places in OUTCOMES.
    """

    findings: list[Finding]
    counts: pd.DataFrame
    patients: IntArray
    outcomes: dict[str, IntArray]

    def against(self, previous: Judged) -> Judged:
        """The same, each finding with its outcome under the previous rule set; a plain clear that was firing or
        holding under it becomes a finding too. Rules the previous set did not have stay without one."""
        severity = {(finding.patient_id, finding.rule): finding.severity for finding in previous.findings}
        findings = [
            finding._replace(previous=previous._outcome(finding),
                             previous_severity=severity.get((finding.patient_id, finding.rule)))
            for finding in self.findings
        ]  # fmt: skip
        known = {(finding.patient_id, finding.rule) for finding in self.findings}
        for rule, codes in previous.outcomes.items():
            for patient in previous.patients[(codes == FIRING) | (codes == HOLDING)].tolist():
                if rule in self.outcomes and (patient, rule) not in known:
                    plain = Finding(patient, rule, Outcome.CLEAR, NOT_RAISED, "not raised under the rule set in force")
                    findings.append(plain._replace(previous=previous._outcome(plain)))
        return replace(self, findings=findings)

    def _outcome(self, finding: Finding) -> Outcome | None:
        codes = self.outcomes.get(finding.rule)
        if codes is None:
            return None
        place = int(np.searchsorted(self.patients, finding.patient_id))
        return OUTCOMES[int(codes[place])]
