-- Files of this night's run that were held or could not be read, by unit where the feed has one.
SELECT f.feed, f.reason, count(*) AS files
FROM nephrowatch.files f JOIN nephrowatch.runs r USING (run_id)
WHERE r.night = :night AND f.state IN ('held', 'unreadable')
GROUP BY f.feed, f.reason ORDER BY f.feed, f.reason
