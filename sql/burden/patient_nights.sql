-- Patients a live night watched, by month and unit; the last judgement of each night counts.
WITH decided AS (
    SELECT DISTINCT ON (r.night) r.night, j.judgement_id
    FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
    WHERE j.live AND j.reconciled_at IS NOT NULL AND r.night BETWEEN :first AND :last
    ORDER BY r.night, j.known DESC, j.judgement_id DESC
)
SELECT to_char(d.night, 'YYYY-MM') AS month, s.unit, count(DISTINCT d.night)::bigint AS nights,
       count(*)::bigint AS patient_nights
FROM decided d JOIN nephrowatch.standings s USING (judgement_id)
WHERE s.status IN ('active', 'admitted')
GROUP BY 1, 2 ORDER BY 1, 2
