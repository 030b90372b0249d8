-- Two workers on one shard: the second waits here and then sees it done.
SELECT judged_at FROM nephrowatch.shards WHERE shard_id = :shard_id FOR UPDATE
