-- A person opened the evidence as it stands; false where that person had already.
SELECT nephrowatch.opened(:episode_id, :now, :actor, :actor_name, :role, :source)
