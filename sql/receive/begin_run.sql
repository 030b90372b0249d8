INSERT INTO nephrowatch.runs (night, begun_at) VALUES (:night, :now) ON CONFLICT (night) DO NOTHING
