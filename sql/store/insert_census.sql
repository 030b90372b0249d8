WITH fresh AS (
    SELECT DISTINCT ON (content_key) k.* FROM keyed_census k
    WHERE NOT EXISTS (SELECT FROM nephrowatch.census c WHERE c.content_key = k.content_key)
    ORDER BY content_key, row_no
)
INSERT INTO nephrowatch.census (census_id, subject_id, effective_on, unit, status, modality, schedule, clinician, location,
                                content_key, batch, file_id, row_no)
SELECT (SELECT coalesce(max(census_id), 0) FROM nephrowatch.census) + row_number() OVER (ORDER BY row_no),
       subject_id, effective_on, unit, status, modality, schedule, clinician, location, content_key, :batch, :file_id, row_no
FROM fresh
