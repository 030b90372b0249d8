-- Held by who bundles alerts, to commit: two workers would make two messages of one storm.
SELECT pg_advisory_xact_lock(72004)
