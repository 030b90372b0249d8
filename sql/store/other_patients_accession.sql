-- An accession that already belongs to another patient: only a version the source calls corrected or amended may
-- move it; anything else is an accession used twice. First half: against what is stored; second: within the file.
SELECT row_no, 'The accession already belongs to another patient.' AS sentence,
       'Ask the laboratory which patient it belongs to; a moved result has to come with status corrected.' AS remedy
FROM (
    SELECT k.row_no
    FROM keyed k
    WHERE k.rank <> 2
      AND EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key)
      AND NOT EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key AND b.patient_id = k.patient_id)
    UNION
    SELECT k.row_no
    FROM keyed k
    JOIN (SELECT result_key FROM keyed JOIN repeated USING (row_no) GROUP BY result_key
          HAVING min(patient_id) <> max(patient_id)) shared USING (result_key)
    WHERE k.rank <> 2
) twice
WHERE row_no <> ALL (:released)
ORDER BY row_no
