SELECT file_id, row_no FROM nephrowatch.identity_events
WHERE content_key = md5(concat_ws(chr(31), 'said', CAST(:subject_id AS bigint), CAST(:merged AS bigint), CAST(:action AS text),
                                  extract(epoch FROM CAST(:effective_at AS timestamptz))))::uuid
