INSERT INTO nephrowatch.page_reads (ledger_seq, read_at, viewer, viewer_name, role, what, unit, patient_id, episode_ref, emergency)
VALUES (:seq, :at, :viewer, :name, :role, :what, :unit, :patient_id, :ref, :emergency)
