INSERT INTO nephrowatch.batches (batch, recorded_at, purpose) VALUES (:batch, :now, :purpose)
