-- Episodes of a list: whom they are about, why, who was told, what has been done.
SELECT e.episode_id, e.ref, e.unit, e.patient_id, e.severity, e.cause_group, e.state, e.opened_night, e.changed_night,
       e.baseline, s.family_name, s.given_name, s.date_of_birth, s.identifier, s.authority,
       coalesce(f.sentence, w.sentence, '') AS sentence, coalesce(w.reason, '') AS reason, w.recorded_at AS changed_at,
       ARRAY(SELECT l.rule FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id
              AND l.outcome IN ('firing', 'holding') ORDER BY l.rule) AS rules,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('destination', t.destination, 'at', t.told_at) ORDER BY t.told_at), '[]')
          FROM nephrowatch.told t WHERE t.episode_id = e.episode_id) AS told,
       (SELECT CASE t.action WHEN 'take' THEN t.actor_name END FROM nephrowatch.human_actions t
         WHERE t.episode_id = e.episode_id AND t.action IN ('take', 'release') ORDER BY t.action_id DESC LIMIT 1) AS taken_by,
       (SELECT a.actor_name FROM nephrowatch.human_actions a WHERE a.episode_id = e.episode_id AND a.action =
         CASE e.state WHEN 'acknowledged' THEN 'acknowledge' WHEN 'snoozed' THEN 'snooze' WHEN 'dismissed' THEN 'dismiss' END
         ORDER BY a.action_id DESC LIMIT 1) AS said_by,
       EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = e.episode_id AND o.state IN ('pending', 'claimed', 'bundled')) AS waiting,
       EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.episode_id = e.episode_id
                  AND o.state IN ('permanent', 'ambiguous', 'dead')) AS failed
FROM nephrowatch.episodes e
JOIN nephrowatch.subjects s ON s.subject_id = e.patient_id
LEFT JOIN LATERAL (SELECT sentence, reason, recorded_at FROM nephrowatch.changes w
                    WHERE w.episode_id = e.episode_id AND w.judgement_id IS NOT NULL ORDER BY w.seq DESC LIMIT 1) w ON true
LEFT JOIN LATERAL (
    SELECT f.sentence FROM nephrowatch.limbs l JOIN nephrowatch.findings f ON f.rule = l.rule AND f.patient_id = e.patient_id
    WHERE l.episode_id = e.episode_id AND l.outcome IN ('firing', 'holding')
      AND f.judgement_id = (SELECT max(j.judgement_id) FROM nephrowatch.judgements j WHERE j.live AND j.reconciled_at IS NOT NULL)
    ORDER BY CASE l.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, l.rule LIMIT 1
) f ON true
WHERE e.episode_id = ANY (CAST(:episodes AS bigint[]))
