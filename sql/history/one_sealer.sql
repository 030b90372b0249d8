-- Held by who signs a checkpoint, from reading the earlier ones until its own is kept.
SELECT pg_advisory_xact_lock(72003)
