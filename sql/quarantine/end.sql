INSERT INTO nephrowatch.quarantine_ends (quarantine_id, ended, reason, actor, batch, ended_at)
SELECT unnest(CAST(:ids AS bigint[])), :ended, :reason, :actor, CAST(:batch AS bigint), CAST(:now AS timestamptz)
