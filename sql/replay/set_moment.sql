INSERT INTO pg_temp.moment VALUES (:judgement_id, :night, :at)
