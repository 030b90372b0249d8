-- A file after its check: what became of it, and the units its quarantined rows name. ordinal: how many files of this
-- feed and night were held for its reason so far, itself included.
SELECT f.file_id, f.feed, f.sha256, f.state, f.reason, f.rows_received,
       (SELECT coalesce(array_agg(DISTINCT q.unit) FILTER (WHERE q.unit IS NOT NULL), '{}')
        FROM nephrowatch.quarantine q WHERE q.file_id = f.file_id) AS units,
       (SELECT count(DISTINCT q.row_no) FROM nephrowatch.quarantine q
        WHERE q.file_id = f.file_id AND q.critical IS NOT NULL) AS criticals,
       (SELECT count(*) FROM nephrowatch.files o
        WHERE f.state IN ('held', 'unreadable') AND o.feed = f.feed AND o.run_id = f.run_id AND o.reason = f.reason
          AND o.state IN ('held', 'unreadable') AND o.file_id <= f.file_id) AS ordinal
FROM nephrowatch.files f WHERE f.file_id = :file_id
