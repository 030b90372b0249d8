INSERT INTO nephrowatch.watermarks (feed, location, resource, read_to) VALUES (:feed, :location, :resource, :read_to)
ON CONFLICT (feed, location, resource) DO UPDATE SET read_to = excluded.read_to WHERE watermarks.read_to < excluded.read_to
