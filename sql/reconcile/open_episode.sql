INSERT INTO nephrowatch.episodes
    (episode_id, ref, patient_id, cause_group, unit, state, severity, opened_night, changed_night, baseline, version)
VALUES (:episode_id, :ref, :patient_id, :group, :unit, :state, :severity, :night, :night, :baseline, 1)
