-- Numbers with one second identifier and one date of birth are one patient, the first of them. '-infinity': whatever a
-- source says of a merge took effect later. A number that was ever taken out again is not joined by itself.
INSERT INTO nephrowatch.identity_events (identity_event_id, subject_id, merged_subject_id, action, effective_at, content_key, batch)
SELECT (SELECT coalesce(max(identity_event_id), 0) FROM nephrowatch.identity_events) + row_number() OVER (ORDER BY other.subject_id),
       first_id, other.subject_id, 'merge', '-infinity',
       md5(concat_ws(chr(31), 'second identifier', first_id, other.subject_id))::uuid, :batch
FROM (
    SELECT DISTINCT s.second_authority, s.second_identifier, s.date_of_birth,
           (SELECT min(f.subject_id) FROM nephrowatch.subjects f
             WHERE f.second_authority = s.second_authority AND f.second_identifier = s.second_identifier
               AND f.date_of_birth = s.date_of_birth) AS first_id
    FROM incoming_people p
    JOIN nephrowatch.subjects s ON s.authority = :authority AND s.identifier = p.identifier
    WHERE s.second_authority IS NOT NULL AND s.second_identifier IS NOT NULL AND s.date_of_birth IS NOT NULL
) alike
JOIN nephrowatch.subjects other USING (second_authority, second_identifier, date_of_birth)
WHERE other.subject_id <> first_id
  AND NOT EXISTS (SELECT FROM nephrowatch.identity_events e
                   WHERE e.merged_subject_id = other.subject_id
                     AND (e.action = 'unmerge' OR (e.subject_id = first_id AND e.effective_at = '-infinity')))
