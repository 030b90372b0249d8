-- What was not known of a patient and is said now; what is known is never overwritten.
UPDATE nephrowatch.subjects s
SET date_of_birth = coalesce(s.date_of_birth, p.birth_first),
    family_name = coalesce(s.family_name, p.family_name),
    given_name = coalesce(s.given_name, p.given_name),
    sex = coalesce(s.sex, p.sex),
    second_identifier = coalesce(s.second_identifier, p.second_identifier)
FROM incoming_people p
WHERE s.authority = :authority AND s.identifier = p.identifier AND p.birth_first IS NOT DISTINCT FROM p.birth_last
  AND (s.date_of_birth IS NULL OR p.birth_first IS NULL OR s.date_of_birth = p.birth_first)
  AND ((s.date_of_birth IS NULL AND p.birth_first IS NOT NULL)
    OR (s.family_name IS NULL AND p.family_name IS NOT NULL)
    OR (s.given_name IS NULL AND p.given_name IS NOT NULL)
    OR (s.sex IS NULL AND p.sex IS NOT NULL)
    OR (s.second_identifier IS NULL AND p.second_identifier IS NOT NULL))
