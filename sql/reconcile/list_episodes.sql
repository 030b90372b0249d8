-- Open episodes of every unit, and those that ended on this very night: what a morning list counts.
SELECT e.episode_id, e.patient_id, e.cause_group, e.unit, e.state, e.severity, e.opened_night, e.changed_night,
       e.version, e.baseline,
       (SELECT jsonb_object_agg(l.rule, jsonb_build_object('outcome', l.outcome, 'severity', l.severity, 'reason', l.reason))
          FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id) AS limbs
FROM nephrowatch.episodes e
WHERE e.state NOT IN ('resolved', 'retracted', 'closed') OR e.changed_night = :night
ORDER BY e.episode_id
