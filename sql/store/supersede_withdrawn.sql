INSERT INTO nephrowatch.supersessions (loser_id, winner_id, batch)
SELECT old.id, gone.id, :batch
FROM nephrowatch.results gone
JOIN nephrowatch.results old USING (file_id, row_no)
WHERE gone.file_id = :file_id AND gone.batch = :batch AND gone.value IS NULL AND gone.reason = 'remapped' AND old.batch < :batch
  AND NOT EXISTS (SELECT FROM nephrowatch.supersessions s WHERE s.loser_id = old.id)
