-- Contested rows that are new. A row read again that returns to something said before gets a content key of its own.
INSERT INTO nephrowatch.results (
    id, subject_id, analyte, collected_at, value, batch, draw, flags, assay_id, unit, result_key, content_key, issued_at,
    issue_stated, status, laboratory, accession, specimen, value_text, comparator, unit_text, code, comment, reference_range,
    abnormal, condition, reason, file_id, row_no)
SELECT n.id, k.subject_id, i.analyte, i.collected_at, i.value, :batch, k.draw, i.flags, k.assay_id, i.unit, k.result_key,
       CASE WHEN f.is_again THEN md5(concat_ws(chr(31), k.content_key, 'again', CAST(:batch AS bigint), i.row_no))::uuid ELSE k.content_key END,
       k.issued_at, i.issue_stated, i.status, :laboratory, i.accession, i.specimen, i.value_text, i.comparator, i.unit_text,
       i.code, i.comment, i.reference_range, i.abnormal, i.condition,
       CASE WHEN EXISTS (SELECT FROM own_results o WHERE o.row_no = k.row_no) THEN 'remapped'
            WHEN k.rank = 3 THEN 'withdrawn'
            WHEN EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key
                           AND b.said = concat_ws(chr(31), i.value_text, i.unit_text, i.status, i.collected_at)
                           AND (NOT i.issue_stated OR b.issued_at = k.issued_at))
            THEN 'remapped'
            WHEN t.version > 1 OR EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key
                                            AND (b.issued_at, b.rank) <= (k.issued_at, k.rank))
            THEN 'corrected'
            ELSE 'received' END,
       :file_id, i.row_no
FROM keyed k
JOIN numbered n ON n.row_no = k.row_no
JOIN fates f ON f.row_no = k.row_no
JOIN incoming_labs i ON i.row_no = k.row_no
LEFT JOIN repeated t ON t.row_no = k.row_no
