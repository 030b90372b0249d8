-- Open episodes as of now, the worst first. sentence: what the worst rule that still holds says of the newest
-- live judgement; where none does (stale, not assessable), what the last change said.
SELECT e.ref, e.unit, e.severity, e.cause_group, e.state, e.opened_night, e.changed_night, e.baseline,
       coalesce(
           (SELECT f.sentence
            FROM nephrowatch.findings f
            JOIN nephrowatch.judgements j USING (judgement_id)
            JOIN nephrowatch.limbs l ON l.episode_id = e.episode_id AND l.rule = f.rule
            WHERE f.patient_id = e.patient_id AND j.live AND f.outcome IN ('firing', 'holding')
              AND l.outcome IN ('firing', 'holding')
            ORDER BY j.judgement_id DESC, CASE f.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, f.rule
            LIMIT 1),
           (SELECT c.sentence FROM nephrowatch.changes c WHERE c.episode_id = e.episode_id ORDER BY c.seq DESC LIMIT 1), ''
       ) AS sentence,
       (SELECT count(DISTINCT t.destination) FROM nephrowatch.told t WHERE t.episode_id = e.episode_id) AS told
FROM nephrowatch.episodes e
WHERE e.state NOT IN ('resolved', 'retracted', 'closed')
ORDER BY CASE e.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, e.changed_night DESC, e.unit, e.ref
