-- Open episodes of every unit, those that ended on this very night, and those in :review: what a morning list counts.
-- outcome_due: acknowledged up to :acknowledged_by, and no outcome recorded since.
SELECT e.episode_id, e.patient_id, e.cause_group, e.unit, e.state, e.severity, e.opened_night, e.changed_night,
       e.version, e.baseline,
       (SELECT jsonb_object_agg(l.rule, jsonb_build_object('outcome', l.outcome, 'severity', l.severity, 'reason', l.reason))
          FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id) AS limbs,
       (SELECT c.night <= CAST(:acknowledged_by AS date) AND NOT EXISTS (
                   SELECT FROM nephrowatch.human_actions o
                    WHERE o.episode_id = a.episode_id AND o.action = 'outcome' AND o.seq > a.seq)
          FROM nephrowatch.human_actions a JOIN nephrowatch.changes c USING (episode_id, seq)
         WHERE a.episode_id = e.episode_id AND a.action = 'acknowledge' AND e.state = 'acknowledged'
         ORDER BY a.action_id DESC LIMIT 1) AS outcome_due
FROM nephrowatch.episodes e
WHERE e.state NOT IN ('resolved', 'retracted', 'closed') OR e.changed_night = :night
   OR e.episode_id = ANY (:review)
ORDER BY e.episode_id
