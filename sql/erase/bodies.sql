SELECT history.erase(CAST(:entries AS bigint[]))
