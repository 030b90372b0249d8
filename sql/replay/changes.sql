-- Changes that had been made when the judgement came to their episode: those before its own, else those recorded earlier.
CREATE TEMP TABLE changes ON COMMIT DROP AS
SELECT c.*
FROM nephrowatch.changes c CROSS JOIN pg_temp.moment m
LEFT JOIN LATERAL (SELECT min(d.seq) AS seq FROM nephrowatch.changes d
                    WHERE d.episode_id = c.episode_id AND d.judgement_id = m.judgement_id AND d.recorded_at = m.at) own ON true
WHERE CASE WHEN own.seq IS NOT NULL THEN c.seq < own.seq
           ELSE c.recorded_at < m.at OR (c.recorded_at = m.at AND (c.judgement_id IS NULL OR c.judgement_id < m.judgement_id)) END
