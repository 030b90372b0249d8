-- Versions not known yet. Identity: the list's keeper, the order number, the patient and what is ordered (an order may
-- hold several drugs); without order number the patient, drug text and start.
WITH keyed AS (
    SELECT i.*, s.subject_id,
           CASE WHEN i.order_no IS NOT NULL THEN md5(concat_ws(chr(31), 'order', CAST(:laboratory AS text), i.order_no,
                    CAST(:authority AS text), p.identifier, coalesce(i.ingredient, i.drug_text)))
                ELSE md5(concat_ws(chr(31), 'drug', CAST(:authority AS text), p.identifier, i.drug_text, coalesce((i.started_on - DATE '1970-01-01')::text, '')))
           END::uuid AS medication_key,
           md5(concat_ws(chr(31), s.subject_id, i.drug_text, i.classes,
                         coalesce((i.started_on - DATE '1970-01-01')::text, ''),
                         coalesce((i.ended_on - DATE '1970-01-01')::text, ''), coalesce(i.days_supply::text, ''),
                         coalesce((i.listed_on - DATE '1970-01-01')::text, ''), coalesce(i.dose, ''), i.status))::uuid AS content_key
    FROM incoming_medications i
    JOIN incoming_people p USING (person)
    JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
    WHERE NOT EXISTS (SELECT FROM refused r WHERE r.row_no = i.row_no)
), fresh AS (
    SELECT DISTINCT ON (medication_key, content_key) keyed.* FROM keyed
    WHERE NOT EXISTS (SELECT FROM nephrowatch.medications m
                      WHERE m.medication_key = keyed.medication_key AND m.content_key = keyed.content_key)
    ORDER BY medication_key, content_key, row_no
)
INSERT INTO nephrowatch.medications (medication_id, subject_id, medication_key, content_key, drug_text, ingredient, classes,
                                     started_on, ended_on, days_supply, listed_on, dose, status, batch, file_id, row_no)
SELECT (SELECT coalesce(max(medication_id), 0) FROM nephrowatch.medications) + row_number() OVER (ORDER BY row_no),
       subject_id, medication_key, content_key, drug_text, ingredient, classes, started_on, ended_on, days_supply::integer,
       listed_on, dose, status, :batch, :file_id, row_no
FROM fresh
