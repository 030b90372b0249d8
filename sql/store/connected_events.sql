-- Every event of the numbers connected with some, by any chain of events, in the order they took effect.
WITH RECURSIVE connected (subject_id) AS (
    SELECT unnest(CAST(:subjects AS bigint[]))
    UNION
    SELECT CASE WHEN e.subject_id = c.subject_id THEN e.merged_subject_id ELSE e.subject_id END
    FROM connected c
    JOIN nephrowatch.identity_events e ON c.subject_id IN (e.subject_id, e.merged_subject_id)
)
SELECT subject_id, merged_subject_id, action
FROM nephrowatch.identity_events
WHERE subject_id IN (SELECT subject_id FROM connected)
ORDER BY effective_at, identity_event_id
