-- The next batch. The row stays locked to commit, so batch order is commit order.
UPDATE nephrowatch.batch_counter SET batch = batch + 1 RETURNING batch
