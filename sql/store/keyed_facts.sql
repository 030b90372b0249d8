-- Identity: the patient, the concept, the source's code and the day.
CREATE TEMP TABLE keyed_facts ON COMMIT DROP AS
SELECT i.*, p.subject_id,
       md5(concat_ws(chr(31), 'fact', CAST(:authority AS text), p.identifier, i.fact, coalesce(i.code, ''),
                     i.happened_on - DATE '1970-01-01'))::uuid AS fact_key,
       md5(concat_ws(chr(31), coalesce(i.value::text, ''), coalesce((i.ended_on - DATE '1970-01-01')::text, ''),
                     i.status))::uuid AS content_key
FROM incoming_facts i
JOIN people p USING (person)
