-- A file read again after its mapping was mended: a row that now names another analyte or patient leaves the
-- version it made before behind.
INSERT INTO nephrowatch.supersessions (loser_id, winner_id, batch)
SELECT DISTINCT ON (old.id) old.id, now.id, :batch
FROM nephrowatch.results now
JOIN nephrowatch.results old USING (file_id, row_no)
WHERE now.file_id = :file_id AND now.batch = :batch AND old.batch < :batch AND old.result_key <> now.result_key
  AND NOT EXISTS (SELECT FROM nephrowatch.supersessions s WHERE s.loser_id = old.id)
ORDER BY old.id, now.id
