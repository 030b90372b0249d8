-- Open episodes of some patients, with their limbs.
SELECT e.episode_id, e.ref, e.patient_id, e.cause_group, e.unit, e.state, e.severity, e.opened_night, e.changed_night,
       e.version, e.baseline,
       (SELECT count(*) FROM nephrowatch.episodes o
         WHERE o.patient_id = e.patient_id AND o.cause_group = e.cause_group AND o.opened_night = e.opened_night
           AND o.episode_id < e.episode_id) AS earlier,
       (SELECT jsonb_agg(jsonb_build_object('rule', l.rule, 'outcome', l.outcome, 'severity', l.severity,
                'reason', l.reason, 'evidence', l.evidence, 'listed', l.listed) ORDER BY l.rule)
          FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id) AS limbs
FROM nephrowatch.episodes e
WHERE e.patient_id = ANY (:patients) AND e.state NOT IN ('resolved', 'retracted', 'closed')
ORDER BY e.episode_id
