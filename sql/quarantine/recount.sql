-- Rows of a file: aside while their newest entry is open or discarded; stored where a table holds them.
WITH aside AS (
    SELECT row_no FROM (
        SELECT DISTINCT ON (q.row_no) q.row_no, e.ended
        FROM nephrowatch.quarantine q LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
        WHERE q.file_id = :file_id AND q.row_no > 0
        ORDER BY q.row_no, q.batch DESC) newest
    WHERE ended IS NULL OR ended = 'discarded'
), held AS (
    SELECT row_no FROM nephrowatch.results WHERE file_id = :file_id
    UNION SELECT row_no FROM nephrowatch.medications WHERE file_id = :file_id
    UNION SELECT row_no FROM nephrowatch.census WHERE file_id = :file_id
    UNION SELECT row_no FROM nephrowatch.facts WHERE file_id = :file_id
    UNION SELECT row_no FROM nephrowatch.identity_events WHERE file_id = :file_id
)
SELECT (SELECT count(*) FROM held WHERE row_no NOT IN (SELECT row_no FROM aside)) AS stored,
       (SELECT count(*) FROM aside) AS quarantined
