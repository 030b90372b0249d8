-- Rows in quarantine that carry one of a patient's numbers in any of their columns.
SELECT q.quarantine_id, q.reason, q.sentence, q.batch
FROM nephrowatch.quarantine q
WHERE jsonb_typeof(q.raw) = 'object' AND q.batch <= :known
  AND EXISTS (SELECT FROM jsonb_each_text(q.raw) cell WHERE cell.value = ANY (:identifiers))
ORDER BY q.quarantine_id
