-- Versions not known yet, in the order of the file, ids without a gap (the batch is locked).
WITH fresh AS (
    SELECT k.*, coalesce(t.version, 1) AS version
    FROM keyed k LEFT JOIN repeated t USING (row_no)
    WHERE coalesce(t.copy, 1) = 1
      AND NOT EXISTS (SELECT FROM known_before b WHERE b.result_key = k.result_key AND b.content_key = k.content_key)
)
INSERT INTO nephrowatch.results (
    id, subject_id, analyte, collected_at, value, batch, draw, flags, assay_id, unit, result_key, content_key, issued_at,
    status, laboratory, accession, specimen, value_text, comparator, unit_text, code, comment, reason, file_id, row_no)
SELECT (SELECT coalesce(max(id), 0) FROM nephrowatch.results) + row_number() OVER (ORDER BY i.row_no),
       f.subject_id, i.analyte, i.collected_at, i.value, :batch, f.draw, i.flags, f.assay_id, i.unit, f.result_key,
       f.content_key, i.issued_at, i.status, :laboratory, i.accession, i.specimen, i.value_text, i.comparator, i.unit_text,
       i.code, i.comment,
       CASE WHEN f.rank = 3 THEN 'withdrawn'
            WHEN EXISTS (SELECT FROM known_before b WHERE b.result_key = f.result_key
                           AND b.said = concat_ws(chr(31), i.value_text, i.unit_text, i.status, i.issued_at, i.collected_at))
            THEN 'remapped'
            WHEN f.version > 1 OR EXISTS (SELECT FROM known_before b WHERE b.result_key = f.result_key
                                            AND (b.issued_at, b.rank) <= (i.issued_at, f.rank))
            THEN 'corrected'
            ELSE 'received' END,
       :file_id, i.row_no
FROM fresh f JOIN incoming_labs i USING (row_no)
