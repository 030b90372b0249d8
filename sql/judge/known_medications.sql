-- The version of each medication that stood at batch :known, one row a drug class; days since 1970-01-01, -1 none.
WITH newest AS (
    SELECT DISTINCT ON (medication_key) *
    FROM nephrowatch.medications
    WHERE (subject_id BETWEEN :first AND :last
           OR subject_id = ANY (ARRAY(SELECT subject_id FROM nephrowatch.links
                                      WHERE patient_id BETWEEN :first AND :last
                                        AND subject_id NOT BETWEEN :first AND :last AND batch <= :known)))
      AND batch <= :known
    ORDER BY medication_key, batch DESC, medication_id DESC
)
SELECT subject_id, coalesce(class, '') AS drug_class, drug_text,
       coalesce(started_on - DATE '1970-01-01', -1) AS start_day,
       coalesce(ended_on - DATE '1970-01-01',
                CASE WHEN status = 'stopped' THEN coalesce(listed_on, started_on) - DATE '1970-01-01' END, -1) AS stop_day,
       coalesce(days_supply, -1) AS supply_days,
       coalesce(listed_on - DATE '1970-01-01', -1) AS listed_day,
       medication_id
FROM newest LEFT JOIN LATERAL unnest(classes) AS class ON TRUE
WHERE status NOT IN ('cancelled', 'entered-in-error') AND (class IS NOT NULL OR listed_on IS NOT NULL)
ORDER BY medication_id, class
