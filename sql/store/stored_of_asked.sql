-- Places of the asked rows whose identity is stored (there), and of those of which a version says the same of the same
-- number (said), each as one text of bytes: a row of the answer costs the driver more than the database.
SELECT string_agg(int4send(a.place), '') AS there,
       string_agg(int4send(a.place), '') FILTER (WHERE r.content_key = a.content_key AND r.subject_id = p.subject_id) AS said
FROM asked a
JOIN people p USING (person)
JOIN nephrowatch.results r USING (result_key)
