-- Nothing is updated when another writer was first: the caller reads again and decides again.
UPDATE nephrowatch.episodes
SET unit = :unit, state = :state, severity = :severity, changed_night = :night, version = version + 1
WHERE episode_id = :episode_id AND version = :version
