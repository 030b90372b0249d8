INSERT INTO keyed (row_no, subject_id, patient_id, assay_id, draw, result_key, content_key, rank, issued_at, issue_stated)
SELECT i.row_no, p.subject_id, p.patient_id, i.assay_id, i.draw, i.result_key, i.content_key, i.rank, i.issued_at, i.issue_stated
FROM incoming_labs i
JOIN people p USING (person)
