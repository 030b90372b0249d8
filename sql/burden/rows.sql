-- Rows received and set aside, of the files of some nights.
SELECT coalesce(sum(f.rows_received), 0)::bigint AS received, coalesce(sum(f.rows_quarantined), 0)::bigint AS quarantined
FROM nephrowatch.files f JOIN nephrowatch.runs r USING (run_id)
WHERE r.night BETWEEN :first AND :last
