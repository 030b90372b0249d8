-- When a state of knowledge began.
SELECT max(recorded_at) AS at FROM nephrowatch.batches WHERE batch <= :known
