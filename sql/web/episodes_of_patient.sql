SELECT e.episode_id, e.ref, e.cause_group, e.severity, e.state, e.opened_night, e.changed_night
FROM nephrowatch.episodes e WHERE e.patient_id = :patient_id ORDER BY e.opened_night DESC, e.episode_id DESC
