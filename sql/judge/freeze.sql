-- One judgement per night, knowledge, rule set and liveness: a retry finds the row it made before.
INSERT INTO nephrowatch.judgements (run_id, known, ruleset, previous_ruleset, live, frozen_at)
VALUES (:run_id, :known, :ruleset, :previous_ruleset, :live, :now)
ON CONFLICT (run_id, known, ruleset, live) DO UPDATE SET frozen_at = excluded.frozen_at
