-- Versions not known yet.
WITH fresh AS (
    SELECT DISTINCT ON (medication_key, content_key) k.* FROM keyed_medications k
    WHERE NOT EXISTS (SELECT FROM nephrowatch.medications m
                      WHERE m.medication_key = k.medication_key AND m.content_key = k.content_key)
    ORDER BY medication_key, content_key, row_no
)
INSERT INTO nephrowatch.medications (medication_id, subject_id, medication_key, content_key, drug_text, ingredient, classes,
                                     started_on, ended_on, days_supply, listed_on, dose, status, batch, file_id, row_no)
SELECT (SELECT coalesce(max(medication_id), 0) FROM nephrowatch.medications) + row_number() OVER (ORDER BY row_no),
       subject_id, medication_key, content_key, drug_text, ingredient, classes, started_on, ended_on, days_supply::integer,
       listed_on, dose, status, :batch, :file_id, row_no
FROM fresh
