-- Episodes a silence withheld and nothing became of, though no silence covers them any more: it is over, and nobody was told.
SELECT DISTINCT e.ref
FROM nephrowatch.silenced x JOIN nephrowatch.episodes e USING (episode_id)
WHERE x.outcome IS NULL AND NOT EXISTS (
    SELECT FROM nephrowatch.silences s
    WHERE s.begins_at <= :now AND least(s.ends_at, s.ended_at) > CAST(:now AS timestamptz) - interval '30 minutes'
        AND (s.units = '{}' OR x.unit = ANY (s.units)) AND (s.groups = '{}' OR e.cause_group = ANY (s.groups))
        AND (s.destinations = '{}' OR x.destination = ANY (s.destinations))
        AND (s.rules = '{}' OR s.rules && ARRAY(SELECT jsonb_object_keys(x.content -> 'limbs'))))
ORDER BY e.ref
