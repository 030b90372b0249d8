-- The newest file of each feed whose rows were looked at.
SELECT DISTINCT ON (feed) feed, archived FROM nephrowatch.files
WHERE state IN ('stored', 'held') AND rows_received > 0
ORDER BY feed, file_id DESC
