-- Identity and content of each result, as docs/adr/0004-result-identity.md defines them. chr(31) parts the texts,
-- so that no two lists of texts read alike.
INSERT INTO keyed (row_no, subject_id, assay_id, draw, result_key, content_key, rank)
SELECT i.row_no, s.subject_id, k.assay_id,
       ('x' || left(md5(d.draw), 16))::bit(64)::bigint,
       md5(concat_ws(chr(31), 'result', :laboratory, d.draw, coalesce(i.specimen, ''), i.analyte))::uuid,
       md5(concat_ws(chr(31), i.value_text, i.unit_text, i.status, extract(epoch FROM i.issued_at),
                     coalesce(i.value::text, ''), i.flags, extract(epoch FROM i.collected_at), p.identifier,
                     coalesce(a.method, ''), coalesce(a.upper_limit::text, ''), coalesce(i.comment, '')))::uuid,
       CASE i.status WHEN 'preliminary' THEN 0 WHEN 'final' THEN 1 WHEN 'corrected' THEN 2 WHEN 'amended' THEN 2
                     ELSE 3 END
FROM incoming_labs i
JOIN incoming_people p USING (person)
JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
LEFT JOIN incoming_assays a USING (assay)
LEFT JOIN nephrowatch.assays k ON k.laboratory = :laboratory AND k.analyte = a.analyte_name AND k.method = a.method
                              AND k.upper_limit IS NOT DISTINCT FROM a.upper_limit
CROSS JOIN LATERAL (SELECT CASE WHEN i.accession IS NOT NULL
                                THEN concat_ws(chr(31), 'accession', :laboratory, i.accession)
                                ELSE concat_ws(chr(31), 'patient', :authority, p.identifier,
                                               extract(epoch FROM i.collected_at)) END AS draw) d
WHERE NOT EXISTS (SELECT FROM refused r WHERE r.row_no = i.row_no)
