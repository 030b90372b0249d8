-- Places (from 1) of results of which a version that another file brought says the very same.
SELECT a.place
FROM unnest(CAST(:results AS uuid[]), CAST(:contents AS uuid[]), CAST(:identifiers AS text[])) WITH ORDINALITY
     AS a(result_key, content_key, identifier, place)
WHERE EXISTS (SELECT FROM nephrowatch.results r JOIN nephrowatch.subjects s USING (subject_id)
              WHERE r.result_key = a.result_key AND r.content_key = a.content_key AND r.file_id <> :file_id
                AND s.authority = :authority AND s.identifier = a.identifier)
