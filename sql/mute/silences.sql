-- Silences in force at a moment.
SELECT s.silence_id, s.units, s.rules, s.groups, s.destinations, s.begins_at, s.ends_at
FROM nephrowatch.silences s
WHERE s.recorded_at < :now AND s.begins_at <= :now AND s.ends_at > :now AND (s.ended_at IS NULL OR s.ended_at > :now)
ORDER BY s.silence_id
