-- Episodes for people: newest change first. :ref narrows to one episode by ref or number ('' = all).
SELECT e.episode_id, e.ref, s.identifier, s.authority, e.patient_id, e.unit, e.cause_group, e.state, e.severity,
       e.opened_night, e.changed_night, e.baseline, e.version,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('rule', l.rule, 'outcome', l.outcome, 'severity', l.severity,
                'reason', l.reason, 'evidence', l.evidence, 'listed', l.listed) ORDER BY l.rule), '[]')
          FROM nephrowatch.limbs l WHERE l.episode_id = e.episode_id) AS limbs,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('destination', t.destination, 'severity', t.severity,
                'limbs', t.limbs, 'at', t.told_at) ORDER BY t.told_at, t.destination), '[]')
          FROM nephrowatch.told t WHERE t.episode_id = e.episode_id) AS told
FROM nephrowatch.episodes e
JOIN nephrowatch.subjects s ON s.subject_id = e.patient_id
WHERE :ref = '' OR e.ref = :ref OR e.episode_id::text = :ref
ORDER BY e.changed_night DESC, e.episode_id
