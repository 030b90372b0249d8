-- A row that is read again is compared with what it was read as before; any other with every version of its key.
INSERT INTO fates (row_no, fate, is_again)
SELECT k.row_no,
       CASE WHEN o.row_no IS NOT NULL THEN
                 CASE WHEN o.result_key = k.result_key AND o.reads = concat_ws(chr(31), coalesce(i.value::text, 'none'), i.flags,
                           i.unit, i.collected_at, i.status, k.subject_id, coalesce(k.assay_id, 0), coalesce(i.condition, ''))
                      THEN 'same' ELSE 'new' END
            WHEN t.first_copy <> k.row_no OR b.content_key IS NOT NULL THEN 'known'
            ELSE 'new' END,
       b.content_key IS NOT NULL
FROM keyed k
LEFT JOIN own_results o USING (row_no)
LEFT JOIN incoming_labs i ON i.row_no = o.row_no
LEFT JOIN repeated t ON t.row_no = k.row_no
LEFT JOIN (SELECT DISTINCT result_key, content_key, patient_id FROM known_before) b
       ON b.result_key = k.result_key AND b.content_key = k.content_key AND b.patient_id = k.patient_id
