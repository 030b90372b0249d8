-- Versions not known yet.
WITH fresh AS (
    SELECT DISTINCT ON (fact_key, content_key) k.* FROM keyed_facts k
    WHERE NOT EXISTS (SELECT FROM nephrowatch.facts f WHERE f.fact_key = k.fact_key AND f.content_key = k.content_key)
    ORDER BY fact_key, content_key, row_no
)
INSERT INTO nephrowatch.facts (fact_id, subject_id, fact_key, content_key, fact, code, said, value, happened_on, ended_on,
                               status, unit, batch, file_id, row_no)
SELECT (SELECT coalesce(max(fact_id), 0) FROM nephrowatch.facts) + row_number() OVER (ORDER BY row_no),
       subject_id, fact_key, content_key, fact, code, text, value, happened_on, ended_on, status, unit, :batch, :file_id, row_no
FROM fresh
