-- A patient's results as known at :known (0: now), oldest first. changed: a later version replaced or withdrew this one.
SELECT id, analyte, collected_at, value, comparator, value_text, unit_text, status, batch, flags, upper_limit, recorded_at,
       superseded_at IS NOT NULL AS changed
FROM nephrowatch.results_of(:patient_id)
WHERE collected_at >= :since AND (:known = 0 OR batch <= :known)
  AND (superseded_at IS NULL OR (:known <> 0 AND superseded_at > :known))
ORDER BY collected_at, analyte, id
