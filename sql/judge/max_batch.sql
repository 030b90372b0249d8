SELECT coalesce(max(batch), 0) FROM nephrowatch.batches
