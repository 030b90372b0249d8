SELECT identifier, subject_id FROM nephrowatch.subjects WHERE authority = :authority AND identifier = ANY (:identifiers)
