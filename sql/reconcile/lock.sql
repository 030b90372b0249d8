-- One chunk at a time decides and records: episode numbers are max + 1 under this lock, held to commit.
SELECT pg_advisory_xact_lock(72002)
