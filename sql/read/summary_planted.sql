-- Traces of what the demo plants, by feed: rows set aside by reason, those that would be critical, results stored with
-- another status than final, and what was said about two numbers of one patient.
SELECT f.feed, 'set aside: ' || q.reason AS trace, count(*) AS rows
FROM nephrowatch.quarantine q JOIN nephrowatch.files f USING (file_id) GROUP BY 1, 2
UNION ALL
SELECT f.feed, 'unverified critical: ' || q.critical, count(*)
FROM nephrowatch.quarantine q JOIN nephrowatch.files f USING (file_id) WHERE q.critical IS NOT NULL GROUP BY 1, 2
UNION ALL
SELECT f.feed, 'stored: ' || r.status, count(*)
FROM nephrowatch.results r JOIN nephrowatch.files f USING (file_id) WHERE r.status <> 'final' GROUP BY 1, 2
UNION ALL
SELECT f.feed, 'identity: ' || e.action, count(*)
FROM nephrowatch.identity_events e JOIN nephrowatch.files f USING (file_id) GROUP BY 1, 2
