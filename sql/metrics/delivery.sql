-- From the decision to the other side's receipt, of what was delivered in the last day.
SELECT count(*) AS messages,
    percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM a.finished_at - o.created_at)::float8) AS seconds
FROM nephrowatch.attempts a JOIN nephrowatch.outbox o USING (outbox_id)
WHERE a.outcome = 'delivered' AND a.finished_at > CAST(:now AS timestamptz) - interval '1 day'
