-- A row is its content.
CREATE TEMP TABLE keyed_census ON COMMIT DROP AS
SELECT i.*, p.subject_id,
       md5(concat_ws(chr(31), CAST(:authority AS text), p.identifier, i.effective_on - DATE '1970-01-01', i.unit, i.status,
                     coalesce(i.modality, ''), coalesce(i.schedule, ''), coalesce(i.clinician, ''),
                     coalesce(i.location, '')))::uuid AS content_key
FROM incoming_census i
JOIN people p USING (person)
