-- Rows that are not read as good any more, or as another medication, leave a version behind that counts for nothing.
INSERT INTO nephrowatch.medications (medication_id, subject_id, medication_key, content_key, drug_text, ingredient, classes,
                                     started_on, ended_on, days_supply, listed_on, dose, status, batch, file_id, row_no)
SELECT (SELECT coalesce(max(medication_id), 0) FROM nephrowatch.medications) + row_number() OVER (ORDER BY row_no, medication_id),
       subject_id, medication_key, md5(concat_ws(chr(31), content_key, 'gone', CAST(:batch AS bigint), row_no))::uuid, drug_text, ingredient,
       classes, started_on, ended_on, days_supply, listed_on, dose, 'entered-in-error', :batch, file_id, row_no
FROM nephrowatch.medications old
WHERE old.file_id = :file_id AND old.status <> 'entered-in-error' AND old.batch < :batch
  AND (old.row_no <> ALL (:kept)
       OR EXISTS (SELECT FROM nephrowatch.medications m WHERE m.file_id = old.file_id AND m.row_no = old.row_no
                     AND m.batch = :batch AND m.medication_key <> old.medication_key))
  AND NOT EXISTS (SELECT FROM nephrowatch.medications m WHERE m.medication_key = old.medication_key
                     AND m.file_id = old.file_id AND m.row_no = old.row_no AND m.medication_id > old.medication_id)
