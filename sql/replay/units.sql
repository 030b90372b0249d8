-- Units with the newest night that had been decided there, this one included.
CREATE TEMP TABLE units ON COMMIT DROP AS
SELECT u.unit, u.name, u.zone, u.cutoff, (
    SELECT max(r.night) FROM pg_temp.judgements j JOIN nephrowatch.runs r USING (run_id)
    WHERE j.live AND (j.reconciled_at IS NOT NULL OR j.judgement_id = m.judgement_id)
      AND EXISTS (SELECT FROM nephrowatch.standings s WHERE s.judgement_id = j.judgement_id AND s.unit = u.unit)) AS judged_through
FROM nephrowatch.units u CROSS JOIN pg_temp.moment m
