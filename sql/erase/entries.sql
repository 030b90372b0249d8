-- Ledger entries that are about a patient: by number, by an episode, or by what the patient was called.
SELECT b.seq
FROM history.bodies b JOIN history.ledger l USING (seq)
CROSS JOIN LATERAL (SELECT convert_from(b.body, 'UTF8') AS text) t
WHERE l.kind NOT IN ('patient_erased', 'hold_placed', 'hold_lifted')
    AND (t.text::jsonb ->> 'patient' = CAST(:patient AS text) OR t.text::jsonb ->> 'patient_id' = CAST(:patient AS text)
        OR t.text::jsonb ->> 'episode' IN (SELECT episode_id::text FROM nephrowatch.episodes WHERE patient_id = :patient)
        OR EXISTS (SELECT FROM nephrowatch.subjects s WHERE position(to_json(s.identifier)::text IN t.text) > 0
                    AND s.subject_id IN (SELECT subject_id FROM nephrowatch.links WHERE patient_id = :patient)))
ORDER BY b.seq
