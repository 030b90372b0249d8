-- The newest by the source's own clock stays; where it says none, or twice the same, the later file's. What says when it
-- was changed is never replaced by what does not.
INSERT INTO nephrowatch.fhir_resources (feed, reference, body, last_updated, file_id)
SELECT :feed, r.reference, r.body, r.last_updated, :file_id
FROM incoming_resources r
ORDER BY r.reference  -- in one order, so that two workers wait for each other and never cross
ON CONFLICT (feed, reference) DO UPDATE SET body = excluded.body, last_updated = excluded.last_updated, file_id = excluded.file_id
WHERE CASE WHEN fhir_resources.last_updated IS NOT DISTINCT FROM excluded.last_updated
           THEN fhir_resources.file_id <= excluded.file_id
           ELSE excluded.last_updated > coalesce(fhir_resources.last_updated, '-infinity') END
