-- One episode for a person to act on: as it is now, who has taken it, and what this person saw and said of it.
SELECT e.episode_id, e.ref, e.patient_id, e.cause_group, e.unit, e.state, e.severity, e.version, e.baseline, u.zone,
       nephrowatch.basis_of(e.episode_id) AS active,
       taken.actor AS taken_by, taken.actor_name AS taken_by_name,
       EXISTS (SELECT FROM nephrowatch.human_actions o WHERE o.episode_id = e.episode_id AND o.action = 'opened'
                 AND o.actor = :actor AND o.evidence_seq = nephrowatch.evidence_of(e.episode_id)) AS opened,
       ARRAY(SELECT s.outcome FROM nephrowatch.human_actions s WHERE s.episode_id = e.episode_id AND s.action = 'outcome'
               AND s.actor = :actor) AS said
FROM nephrowatch.episodes e
JOIN nephrowatch.units u USING (unit)
LEFT JOIN LATERAL (SELECT t.action, t.actor, t.actor_name FROM nephrowatch.human_actions t
                    WHERE t.episode_id = e.episode_id AND t.action IN ('take', 'release')
                    ORDER BY t.action_id DESC LIMIT 1) taken ON taken.action = 'take'
WHERE e.ref = :ref
