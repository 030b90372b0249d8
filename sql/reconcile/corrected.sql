-- Rules of these patients some of whose evidence was superseded by what became known since the last live night that was
-- decided: the evidence an open limb was last changed by, and that of the last finding.
WITH last_decided AS (
    SELECT j.judgement_id, j.known FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
    WHERE j.live AND j.reconciled_at IS NOT NULL AND j.judgement_id <> :judgement_id
    ORDER BY r.night DESC, j.known DESC LIMIT 1
), mentioned AS (
    SELECT e.patient_id, l.rule, item
    FROM nephrowatch.episodes e JOIN nephrowatch.limbs l USING (episode_id)
    CROSS JOIN LATERAL jsonb_array_elements(l.evidence) item
    WHERE e.patient_id = ANY (:patients) AND e.state NOT IN ('resolved', 'retracted', 'closed')
    UNION ALL
    SELECT f.patient_id, f.rule, item
    FROM nephrowatch.findings f JOIN last_decided USING (judgement_id)
    CROSS JOIN LATERAL jsonb_array_elements(f.evidence) item
    WHERE f.patient_id = ANY (:patients)
), ids AS (
    SELECT patient_id, rule, (item ->> 'result_id')::bigint AS id FROM mentioned
    UNION
    SELECT patient_id, rule, part::bigint FROM mentioned CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'derived_from') part
)
SELECT DISTINCT ids.patient_id, ids.rule
FROM ids
-- Looked up one by one, as a subquery may not be turned into a join: that would go through every correction for each page.
WHERE (SELECT s.batch FROM nephrowatch.supersessions s WHERE s.loser_id = ids.id AND s.batch <= :known)
      > coalesce((SELECT known FROM last_decided), 0)
