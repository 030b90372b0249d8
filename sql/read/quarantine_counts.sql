SELECT f.feed, q.reason, count(*) AS rows, min(q.sentence) AS sentence, min(q.remedy) AS remedy
FROM nephrowatch.quarantine q JOIN nephrowatch.files f USING (file_id)
GROUP BY f.feed, q.reason ORDER BY f.feed, count(*) DESC, q.reason
