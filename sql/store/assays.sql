SELECT a.assay, k.assay_id
FROM incoming_assays a
JOIN nephrowatch.assays k ON k.laboratory = :laboratory AND k.analyte = a.analyte_name AND k.method = a.method
                         AND k.upper_limit IS NOT DISTINCT FROM a.upper_limit
