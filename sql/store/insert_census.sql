WITH keyed AS (
    SELECT i.*, s.subject_id,
           md5(concat_ws(chr(31), :authority, p.identifier, i.effective_on - DATE '1970-01-01', i.unit, i.status, coalesce(i.modality, ''),
                         coalesce(i.schedule, ''), coalesce(i.clinician, '')))::uuid AS content_key
    FROM incoming_census i
    JOIN incoming_people p USING (person)
    JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
    WHERE NOT EXISTS (SELECT FROM refused r WHERE r.row_no = i.row_no)
), fresh AS (
    SELECT DISTINCT ON (content_key) keyed.* FROM keyed
    WHERE NOT EXISTS (SELECT FROM nephrowatch.census c WHERE c.content_key = keyed.content_key)
    ORDER BY content_key, row_no
)
INSERT INTO nephrowatch.census (census_id, subject_id, effective_on, unit, status, modality, schedule, clinician,
                                content_key, batch, file_id, row_no)
SELECT (SELECT coalesce(max(census_id), 0) FROM nephrowatch.census) + row_number() OVER (ORDER BY row_no),
       subject_id, effective_on, unit, status, modality, schedule, clinician, content_key, :batch, :file_id, row_no
FROM fresh
