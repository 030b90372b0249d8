-- Episodes a rule has ever had a part in, up to :most: where there are few, they lead to their steps faster than time does.
SELECT l.episode_id FROM nephrowatch.limbs l WHERE l.rule = :rule LIMIT :most
