SELECT count(DISTINCT date_of_birth) > 1 FROM nephrowatch.subjects WHERE subject_id IN (:subject_id, :merged)
