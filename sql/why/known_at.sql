-- The newest batch that was recorded by an instant; 0 when nothing was.
SELECT coalesce(max(batch), 0)::bigint AS batch FROM nephrowatch.batches WHERE recorded_at <= :instant
