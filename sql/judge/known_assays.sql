-- method: one number for all upper limits of a laboratory's method; -1 where none is named.
SELECT assay_id, upper_limit,
       CASE WHEN method = '' THEN -1 ELSE min(assay_id) OVER (PARTITION BY laboratory, analyte, method) END AS method
FROM nephrowatch.assays
ORDER BY assay_id
