-- Take the destination's next free second. Returns when it is; two workers never get the same one.
INSERT INTO nephrowatch.paces AS p (destination, free_at)
VALUES (:destination, CAST(:now AS timestamptz) + interval '1 second')
ON CONFLICT (destination) DO UPDATE
    SET free_at = greatest(p.free_at, CAST(:now AS timestamptz)) + interval '1 second'
RETURNING free_at - interval '1 second' AS slot
