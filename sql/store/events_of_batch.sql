SELECT merged_subject_id,
       CASE WHEN effective_at = '-infinity' THEN 'second identifier' WHEN action = 'merge' THEN 'merged' ELSE 'unmerged' END AS reason
FROM nephrowatch.identity_events WHERE batch = :batch ORDER BY identity_event_id
