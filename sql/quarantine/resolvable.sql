-- Files with open rows of a reason, set aside before resources of their feed came with this run.
SELECT f.file_id
FROM nephrowatch.files f
WHERE f.state IN ('stored', 'held')
  AND EXISTS (SELECT FROM nephrowatch.quarantine q
              JOIN nephrowatch.fhir_resources k ON k.feed = f.feed
              JOIN nephrowatch.files brought ON brought.file_id = k.file_id AND brought.run_id = :run_id
              WHERE q.file_id = f.file_id AND q.reason = :reason AND q.batch < brought.batch
                AND NOT EXISTS (SELECT FROM nephrowatch.quarantine_ends e WHERE e.quarantine_id = q.quarantine_id))
ORDER BY f.file_id
