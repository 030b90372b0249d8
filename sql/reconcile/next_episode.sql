-- The next number, and how many episodes this patient and cause group opened on this night already.
SELECT coalesce((SELECT max(episode_id) FROM nephrowatch.episodes), 0) + 1 AS episode_id,
       (SELECT count(*) FROM nephrowatch.episodes
         WHERE patient_id = :patient_id AND cause_group = :group AND opened_night = :night) AS earlier
