-- One judgement per night, knowledge, rule set and liveness: a retry finds the row it made before.
INSERT INTO nephrowatch.judgements AS j (run_id, known, ruleset, previous_ruleset, live, frozen_at, site)
VALUES (:run_id, :known, :ruleset, :previous_ruleset, :live, :now, :site)
ON CONFLICT (run_id, known, ruleset, live) DO UPDATE SET frozen_at = excluded.frozen_at,
    site = CASE WHEN j.reconciled_at IS NULL THEN excluded.site ELSE j.site END
