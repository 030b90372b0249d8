-- Every change in some nights with its limbs, the messages it made, and whether its patient had an earlier episode of the same
-- cause in the 90 days before.
SELECT c.episode_id, c.seq, c.night, c.kind, c.reason, c.to_state, c.limbs, e.unit, e.severity, e.baseline, e.cause_group,
       e.opened_night,
       (SELECT b.limbs FROM nephrowatch.changes b WHERE b.episode_id = c.episode_id AND b.seq = c.seq - 1) AS limbs_before,
       (SELECT count(*) FROM nephrowatch.outbox o WHERE o.episode_id = c.episode_id AND o.change_seq = c.seq) AS messages,
       EXISTS (SELECT FROM nephrowatch.episodes p
                WHERE p.patient_id = e.patient_id AND p.cause_group = e.cause_group AND p.episode_id < e.episode_id
                  AND p.opened_night >= e.opened_night - 90) AS again
FROM nephrowatch.changes c JOIN nephrowatch.episodes e USING (episode_id)
WHERE c.night BETWEEN :first AND :last
ORDER BY c.episode_id, c.seq
