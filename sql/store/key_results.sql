-- Identity and content of each result, as docs/adr/0004-result-identity.md defines them. chr(31) parts the texts,
-- so that no two lists of texts read alike. flags & 64: after dialysis, another tube; & 31: unit system, comparator.
INSERT INTO keyed (row_no, subject_id, patient_id, assay_id, draw, result_key, content_key, rank, issued_at, issue_stated)
SELECT i.row_no, p.subject_id, p.patient_id, k.assay_id,
       ('x' || left(md5(d.draw), 16))::bit(64)::bigint,
       md5(concat_ws(chr(31), 'result', CAST(:laboratory AS text), d.draw, i.specimen_kind, i.analyte))::uuid,
       md5(concat_ws(chr(31), coalesce(i.value::text, i.value_text), i.flags & 31, c.rank,
                     CASE WHEN i.issue_stated THEN extract(epoch FROM i.issued_at)::text ELSE '' END,
                     extract(epoch FROM i.collected_at), coalesce(a.method, ''), coalesce(a.upper_limit::text, ''),
                     coalesce(i.condition, '')))::uuid,
       c.rank, i.issued_at, i.issue_stated
FROM incoming_labs i
JOIN people p USING (person)
LEFT JOIN incoming_assays a USING (assay)
LEFT JOIN nephrowatch.assays k ON k.laboratory = :laboratory AND k.analyte = a.analyte_name AND k.method = a.method
                              AND k.upper_limit IS NOT DISTINCT FROM a.upper_limit
CROSS JOIN LATERAL (SELECT CASE i.status WHEN 'preliminary' THEN 0 WHEN 'final' THEN 1 WHEN 'corrected' THEN 2
                                         WHEN 'amended' THEN 2 ELSE 3 END AS rank) c
CROSS JOIN LATERAL (SELECT CASE WHEN i.accession IS NOT NULL
                                THEN concat_ws(chr(31), 'accession', CAST(:laboratory AS text), i.accession)
                                ELSE concat_ws(chr(31), 'patient', CAST(:authority AS text), p.identifier,
                                               extract(epoch FROM i.collected_at)) END
                           || CASE WHEN i.flags & 64 <> 0 THEN chr(31) || 'post' ELSE '' END AS draw) d
