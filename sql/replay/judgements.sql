-- Judgements with what had become of them by then.
CREATE TEMP TABLE judgements ON COMMIT DROP AS
SELECT j.judgement_id, j.run_id, j.known, j.ruleset, j.previous_ruleset, j.live, j.frozen_at,
       CASE WHEN j.judgement_id <> m.judgement_id AND (j.reconciled_at, j.judgement_id) < (m.at, m.judgement_id)
            THEN j.reconciled_at END AS reconciled_at,
       CASE WHEN j.judgement_id <> m.judgement_id AND (j.sealed_at, j.judgement_id) < (m.at, m.judgement_id)
            THEN j.sealed_at END AS sealed_at
FROM nephrowatch.judgements j CROSS JOIN pg_temp.moment m
