-- Rows that are not read as good any more leave a version without a value behind.
INSERT INTO nephrowatch.results (
    id, subject_id, analyte, collected_at, value, batch, draw, flags, assay_id, unit, result_key, content_key, issued_at,
    issue_stated, status, laboratory, accession, specimen, value_text, comparator, unit_text, code, comment, reference_range,
    abnormal, condition, reason, file_id, row_no)
SELECT (SELECT coalesce(max(id), 0) FROM nephrowatch.results) + row_number() OVER (ORDER BY own.row_no),
       subject_id, analyte, collected_at, NULL, :batch, draw, flags, assay_id, unit, result_key,
       md5(concat_ws(chr(31), content_key, 'gone', CAST(:batch AS bigint), row_no))::uuid, issued_at,
       issue_stated, status, laboratory, accession, specimen, value_text, comparator, unit_text, code, comment, reference_range,
       abnormal, condition, 'remapped', file_id, row_no
FROM (SELECT DISTINCT ON (row_no) * FROM nephrowatch.results WHERE file_id = :file_id ORDER BY row_no, id DESC) own
WHERE own.row_no <> ALL (:kept) AND own.value IS NOT NULL
