-- What was not known of a patient and is said now. Names are never overwritten; a date of birth only where births.
UPDATE nephrowatch.subjects s
SET date_of_birth = coalesce(p.date_of_birth, s.date_of_birth),
    family_name = coalesce(s.family_name, p.family_name),
    given_name = coalesce(s.given_name, p.given_name),
    sex = coalesce(s.sex, p.sex),
    second_identifier = coalesce(s.second_identifier, p.second_identifier),
    second_authority = CASE WHEN s.second_identifier IS NOT NULL AND s.second_authority IS NOT NULL THEN s.second_authority
                            WHEN coalesce(s.second_identifier, p.second_identifier) = p.second_identifier THEN CAST(:second_authority AS text)
                            ELSE s.second_authority END
FROM incoming_people p
WHERE s.authority = :authority AND s.identifier = p.identifier
  AND ((p.date_of_birth IS NOT NULL AND s.date_of_birth IS DISTINCT FROM p.date_of_birth)
    OR (s.family_name IS NULL AND p.family_name IS NOT NULL)
    OR (s.given_name IS NULL AND p.given_name IS NOT NULL)
    OR (s.sex IS NULL AND p.sex IS NOT NULL)
    OR (s.second_identifier IS NULL AND p.second_identifier IS NOT NULL)
    OR (s.second_authority IS NULL AND CAST(:second_authority AS text) IS NOT NULL AND s.second_identifier = p.second_identifier))
