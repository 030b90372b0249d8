-- Identity: the list's keeper, the order number, the patient and what is ordered (an order may hold several drugs);
-- without order number the patient, drug text and start.
CREATE TEMP TABLE keyed_medications ON COMMIT DROP AS
SELECT i.*, p.subject_id,
       CASE WHEN i.order_no IS NOT NULL THEN md5(concat_ws(chr(31), 'order', CAST(:laboratory AS text), i.order_no,
                CAST(:authority AS text), p.identifier, coalesce(i.ingredient, i.drug_text)))
            ELSE md5(concat_ws(chr(31), 'drug', CAST(:authority AS text), p.identifier, i.drug_text, coalesce((i.started_on - DATE '1970-01-01')::text, '')))
       END::uuid AS medication_key,
       md5(concat_ws(chr(31), p.subject_id, i.drug_text, i.classes,
                     coalesce((i.started_on - DATE '1970-01-01')::text, ''),
                     coalesce((i.ended_on - DATE '1970-01-01')::text, ''), coalesce(i.days_supply::text, ''),
                     coalesce((i.listed_on - DATE '1970-01-01')::text, ''), coalesce(i.dose, ''), i.status))::uuid AS content_key
FROM incoming_medications i
JOIN people p USING (person)
