-- Every change of a patient's episodes up to a night, with the messages it made.
SELECT e.episode_id, e.ref, e.cause_group, e.unit, e.opened_night, c.seq, c.night, c.kind, c.reason, c.sentence, c.to_state,
       c.severity, c.limbs, c.withheld,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('destination', o.destination, 'kind', o.kind, 'state', o.state,
                'late', o.content -> 'late') ORDER BY o.destination), '[]')
          FROM nephrowatch.outbox o WHERE o.episode_id = c.episode_id AND o.change_seq = c.seq) AS messages
FROM nephrowatch.episodes e JOIN nephrowatch.changes c USING (episode_id)
WHERE e.patient_id = :patient_id AND c.night <= :night
ORDER BY e.episode_id, c.seq
