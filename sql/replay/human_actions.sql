-- What people had done: with a change that had been made, or without one and earlier.
CREATE TEMP TABLE human_actions ON COMMIT DROP AS
SELECT a.* FROM nephrowatch.human_actions a CROSS JOIN pg_temp.moment m
WHERE CASE WHEN a.seq IS NULL THEN a.recorded_at <= m.at
           ELSE EXISTS (SELECT FROM pg_temp.changes c WHERE c.episode_id = a.episode_id AND c.seq = a.seq) END
