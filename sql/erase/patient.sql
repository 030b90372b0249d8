-- The patient a number means now, with what speaks against an erasure.
SELECT l.patient_id, s.authority, s.identifier,
       ARRAY(SELECT e.ref FROM nephrowatch.episodes e WHERE e.patient_id = l.patient_id
              AND e.state NOT IN ('resolved', 'retracted', 'closed') ORDER BY e.ref) AS open_episodes,
       (SELECT h.reason FROM nephrowatch.holds h WHERE h.patient_id = l.patient_id AND h.lifted_at IS NULL LIMIT 1) AS hold,
       (SELECT max(r.collected_at) FROM nephrowatch.results r WHERE r.subject_id IN (
            SELECT subject_id FROM nephrowatch.links WHERE patient_id = l.patient_id)) AS newest_result
FROM nephrowatch.subjects s
JOIN LATERAL (SELECT patient_id FROM nephrowatch.links WHERE subject_id = s.subject_id ORDER BY batch DESC LIMIT 1) l ON true
WHERE s.identifier = :identifier AND (:authority = '' OR s.authority = :authority) AND s.authority <> 'erased'
