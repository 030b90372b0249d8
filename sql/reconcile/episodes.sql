-- Open episodes of some patients, with their limbs. said: what a person said last, where the state rests on that, and what
-- stood then, with the newest values of that time beside it: a limb keeps those it was last changed by.
SELECT e.episode_id, e.ref, e.patient_id, e.cause_group, e.unit, e.state, e.severity, e.opened_night, e.changed_night,
       e.version, e.baseline,
       (SELECT count(*) FROM nephrowatch.episodes o
         WHERE o.patient_id = e.patient_id AND o.cause_group = e.cause_group AND o.opened_night = e.opened_night
           AND o.episode_id < e.episode_id) AS earlier,
       (SELECT jsonb_agg(jsonb_build_object('rule', l.rule, 'outcome', l.outcome, 'severity', l.severity,
                'reason', l.reason, 'evidence', l.evidence, 'listed', l.listed) ORDER BY l.rule)
          FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id) AS limbs,
       (SELECT jsonb_build_object('night', c.night, 'until', a.until, 'limbs', c.limbs, 'values', (
            SELECT jsonb_object_agg(f.rule, f.evidence) FROM nephrowatch.findings f
             WHERE f.patient_id = e.patient_id AND f.outcome IN ('firing', 'holding') AND f.judgement_id = (
                SELECT j.judgement_id FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
                 WHERE j.live AND j.reconciled_at <= a.recorded_at ORDER BY r.night DESC, j.known DESC LIMIT 1)))
          FROM nephrowatch.human_actions a JOIN nephrowatch.changes c USING (episode_id, seq)
         WHERE a.episode_id = e.episode_id AND a.action IN ('acknowledge', 'snooze', 'dismiss')
           AND e.state IN ('acknowledged', 'snoozed', 'dismissed')
         ORDER BY a.action_id DESC LIMIT 1) AS said
FROM nephrowatch.episodes e
WHERE e.patient_id = ANY (:patients) AND e.state NOT IN ('resolved', 'retracted', 'closed')
ORDER BY e.episode_id
