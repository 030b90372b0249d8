INSERT INTO nephrowatch.identity_events (identity_event_id, subject_id, merged_subject_id, action, effective_at, content_key,
                                         batch, file_id, row_no, actor, reason)
SELECT coalesce(max(identity_event_id), 0) + 1, :subject_id, :merged, :action, :effective_at,
       md5(concat_ws(chr(31), 'said', CAST(:subject_id AS bigint), CAST(:merged AS bigint), CAST(:action AS text),
                     extract(epoch FROM CAST(:effective_at AS timestamptz))))::uuid,
       :batch, :file_id, :row_no, :actor, :reason
FROM nephrowatch.identity_events
