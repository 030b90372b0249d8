INSERT INTO nephrowatch.assays (assay_id, laboratory, analyte, method, upper_limit)
SELECT (SELECT coalesce(max(assay_id), 0) FROM nephrowatch.assays)
           + row_number() OVER (ORDER BY a.analyte_name, a.method, a.upper_limit),
       :laboratory, a.analyte_name, a.method, a.upper_limit
FROM incoming_assays a
WHERE NOT EXISTS (
    SELECT FROM nephrowatch.assays k
    WHERE k.laboratory = :laboratory AND k.analyte = a.analyte_name AND k.method = a.method
      AND k.upper_limit IS NOT DISTINCT FROM a.upper_limit)
