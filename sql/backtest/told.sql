-- Who was in fact told of which rule, of changes of some nights.
SELECT e.patient_id, rule, min(o.night) AS night, array_agg(DISTINCT t.destination) AS destinations
FROM nephrowatch.told t
JOIN nephrowatch.outbox o USING (outbox_id)
JOIN nephrowatch.episodes e ON e.episode_id = t.episode_id
CROSS JOIN LATERAL jsonb_object_keys(t.limbs) rule
WHERE o.night BETWEEN :first AND :last AND o.kind <> 'withdrawn'
GROUP BY e.patient_id, rule
