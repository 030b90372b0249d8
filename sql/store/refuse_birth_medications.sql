-- A date of birth that contradicts the known one refuses its row; two for a number whose date of birth is not
-- known yet refuse every row of that number, for nobody can say which patient is meant.
INSERT INTO refused (row_no, sentence, remedy)
SELECT i.row_no,
       CASE WHEN s.date_of_birth IS NULL THEN 'The file gives this patient number two dates of birth.'
            ELSE 'The date of birth is not the one known for this patient number.' END,
       'Ask the sender who the patient is; results of two people under one number must never be judged together.'
FROM incoming_medications i
JOIN incoming_people p USING (person)
LEFT JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
WHERE (s.date_of_birth IS NOT NULL AND i.date_of_birth <> s.date_of_birth)
   OR (s.date_of_birth IS NULL AND p.birth_first <> p.birth_last)
