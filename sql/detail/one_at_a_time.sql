-- One decision about details at a time, so that "the newest" is one.
SELECT pg_advisory_xact_lock(hashtext('nephrowatch/detail_leaves'))
