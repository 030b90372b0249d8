-- Who looked at a patient (0: emergency openings of anybody), newest first.
SELECT read_at, viewer_name, role, what, unit, episode_ref, emergency, ledger_seq
FROM nephrowatch.page_reads
WHERE CASE WHEN :patient_id = 0 THEN emergency <> '' ELSE patient_id = :patient_id END
ORDER BY ledger_seq DESC LIMIT 500
