INSERT INTO nephrowatch.fhir_resources (feed, reference, body, file_id) VALUES (:feed, :reference, :body, :file_id)
ON CONFLICT (feed, reference) DO UPDATE SET body = excluded.body, file_id = excluded.file_id
WHERE fhir_resources.file_id <= excluded.file_id
