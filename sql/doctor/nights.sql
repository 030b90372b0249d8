-- The newest night that was judged live, and whether it was finished; and the newest that was only begun.
SELECT (SELECT max(r.night) FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
        WHERE j.live AND j.sealed_at IS NOT NULL) AS finished,
    (SELECT max(r.night) FROM nephrowatch.runs r) AS begun,
    (SELECT max(j.sealed_at) FROM nephrowatch.judgements j) AS newest_time
