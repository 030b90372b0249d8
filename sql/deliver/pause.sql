-- The other side asked for a pause: nothing goes to this destination before it is over.
INSERT INTO nephrowatch.paces AS p (destination, free_at) VALUES (:destination, :until)
ON CONFLICT (destination) DO UPDATE SET free_at = greatest(p.free_at, excluded.free_at)
