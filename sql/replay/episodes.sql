-- Episodes as their last change left them. The unit is that of the patient on the last night that changed it.
CREATE TEMP TABLE episodes ON COMMIT DROP AS
SELECT e.episode_id, e.ref, e.patient_id, e.cause_group, coalesce(s.unit, e.unit) AS unit, c.to_state AS state, c.severity,
       e.opened_night, coalesce(n.night, e.opened_night) AS changed_night, e.baseline, c.seq::bigint AS version
FROM nephrowatch.episodes e
JOIN (SELECT DISTINCT ON (episode_id) * FROM pg_temp.changes ORDER BY episode_id, seq DESC) c USING (episode_id)
LEFT JOIN LATERAL (SELECT l.night FROM pg_temp.changes l WHERE l.episode_id = e.episode_id AND l.judgement_id IS NOT NULL
                    ORDER BY l.seq DESC LIMIT 1) n ON true
LEFT JOIN LATERAL (SELECT t.unit FROM pg_temp.changes l JOIN nephrowatch.standings t
                        ON t.judgement_id = l.judgement_id AND t.patient_id = e.patient_id
                    WHERE l.episode_id = e.episode_id AND l.kind <> 'closed' ORDER BY l.seq DESC LIMIT 1) s ON true
