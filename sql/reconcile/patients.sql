-- The next patients for whom anything could change: somebody fires, or an episode is open. merged: as known to the
-- judgement, the number belongs to another patient by now. Each half stops at its own :most along an index: taken whole
-- for every page, reconciling would grow with the square of the patients.
SELECT c.patient_id, s.unit, s.status, s.newest_result,
       coalesce((SELECT l.patient_id <> c.patient_id FROM nephrowatch.links l
                  WHERE l.subject_id = c.patient_id AND l.batch <= :known ORDER BY l.batch DESC LIMIT 1), FALSE) AS merged
FROM ((SELECT DISTINCT f.patient_id FROM nephrowatch.findings f
        WHERE f.judgement_id = :judgement_id AND f.outcome = 'firing' AND f.patient_id > :after
        ORDER BY f.patient_id LIMIT :most)
      UNION
      (SELECT DISTINCT e.patient_id FROM nephrowatch.episodes e
        WHERE e.state NOT IN ('resolved', 'retracted', 'closed') AND e.patient_id > :after
        ORDER BY e.patient_id LIMIT :most)) c
LEFT JOIN nephrowatch.standings s ON s.judgement_id = :judgement_id AND s.patient_id = c.patient_id
ORDER BY c.patient_id
LIMIT :most
