-- Rows that cannot be a version of what their key stands for, against what is stored and within the file. A row the source
-- calls corrected, amended or withdrawn may move a result; any other is another result under the same key. Rows that
-- repeat a version word for word, rows read again and those a person released are none of them.
WITH ours AS (
    SELECT k.row_no, k.result_key, k.content_key, k.patient_id, k.rank, i.collected_at,
           (i.collected_at AT TIME ZONE :zone)::time = '00:00' AS day_only,
           i.accession IS NULL AND NOT k.issue_stated AS is_bare
    FROM keyed k JOIN incoming_labs i USING (row_no)
), others AS (  -- a version that moved the result says nothing of the time it was first said to have
    SELECT result_key, content_key, patient_id, rank, collected_at, issue_stated, 0 AS row_no,
           (collected_at AT TIME ZONE :zone)::time = '00:00' AS day_only
    FROM known_before WHERE rank < 2
    UNION ALL
    SELECT result_key, content_key, patient_id, rank, collected_at, NOT is_bare, row_no, day_only FROM ours JOIN repeated USING (row_no) WHERE rank < 2
), patients AS (
    SELECT row_no FROM ours k
    WHERE rank <> 2
      AND EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key)
      AND NOT EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key AND b.patient_id = k.patient_id)
    UNION
    SELECT row_no FROM ours
    WHERE rank <> 2 AND result_key IN (SELECT result_key FROM ours JOIN repeated USING (row_no) GROUP BY result_key
                                       HAVING min(patient_id) <> max(patient_id))
), plain AS (  -- first said so, now
    SELECT * FROM ours k
    WHERE rank < 2 AND NOT EXISTS (SELECT FROM own_results o WHERE o.row_no = k.row_no)
      AND NOT EXISTS (SELECT FROM known_before b
                      WHERE b.result_key = k.result_key AND b.content_key = k.content_key AND b.patient_id = k.patient_id)
), compared AS (  -- with versions stored, and with earlier rows of the file
    SELECT k.row_no,
           bool_and(greatest(k.collected_at - o.collected_at, o.collected_at - k.collected_at) > interval '12 hours'
                    AND NOT ((k.day_only OR o.day_only)
                             AND (k.collected_at AT TIME ZONE :zone)::date = (o.collected_at AT TIME ZONE :zone)::date)) AS is_far,
           bool_or(k.is_bare AND k.day_only AND o.rank = k.rank AND NOT o.issue_stated AND o.content_key <> k.content_key) AS is_several
    FROM plain k JOIN others o ON o.result_key = k.result_key AND o.patient_id = k.patient_id AND o.row_no < k.row_no
    GROUP BY k.row_no
)
SELECT row_no, 'identity_mismatch' AS reason, 'The accession already belongs to another patient.' AS sentence,
       'Ask the laboratory which patient it belongs to; a moved result has to come with status corrected.' AS remedy
FROM patients WHERE row_no <> ALL (:released)
UNION ALL
SELECT row_no, 'accession_reused', 'The accession stands for a sample of another time, and nothing says that the time was corrected.',
       'Ask the laboratory. Accessions used again need their year or day in the feed''s accession; release the row only if it replaces the other.'
FROM compared WHERE is_far AND row_no <> ALL (:released)
UNION ALL
SELECT row_no, 'several_results', 'Another result of this patient and day is stored; without accession and time nobody can tell which counts.',
       'Have the sender give the accession or the time of collection; release the row only if it replaces the other.'
FROM compared WHERE is_several AND row_no <> ALL (:released)
ORDER BY row_no
