UPDATE nephrowatch.shards SET judged_at = :now WHERE shard_id = :shard_id AND judged_at IS NULL
