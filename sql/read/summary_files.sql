-- Files that were held, unreadable, or had come before, in order of arrival.
SELECT feed, name, state, reason, sentence, rows_received
FROM nephrowatch.files
WHERE state IN ('held', 'unreadable') OR same_as IS NOT NULL
ORDER BY file_id
