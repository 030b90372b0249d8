-- Known numbers under some second identifiers; day: of birth, since 1970-01-01, the least bigint for none.
SELECT second_identifier, identifier, authority = :authority AS ours,
       coalesce(date_of_birth - DATE '1970-01-01', -9223372036854775808) AS day
FROM nephrowatch.subjects
WHERE second_authority = :second_authority AND second_identifier = ANY (:seconds)
