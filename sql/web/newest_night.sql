-- The newest night decided live.
SELECT max(r.night) AS night FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
WHERE j.judgement_id = (SELECT max(d.judgement_id) FROM nephrowatch.judgements d WHERE d.live AND d.reconciled_at IS NOT NULL)
