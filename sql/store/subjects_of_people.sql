SELECT person, subject_id FROM people
