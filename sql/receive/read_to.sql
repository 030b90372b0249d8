INSERT INTO nephrowatch.watermarks (feed, resource, read_to) VALUES (:feed, :resource, :read_to)
ON CONFLICT (feed, resource) DO UPDATE SET read_to = excluded.read_to WHERE watermarks.read_to < excluded.read_to
