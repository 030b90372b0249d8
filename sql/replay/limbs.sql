-- The limbs of every episode as its last change left them.
CREATE TEMP TABLE limbs ON COMMIT DROP AS
SELECT c.episode_id, l.key AS rule, l.value ->> 'outcome' AS outcome, l.value ->> 'severity' AS severity,
       l.value ->> 'reason' AS reason, l.value -> 'evidence' AS evidence, l.value ->> 'listed' AS listed
FROM (SELECT DISTINCT ON (episode_id) episode_id, limbs FROM pg_temp.changes ORDER BY episode_id, seq DESC) c
CROSS JOIN LATERAL jsonb_each(c.limbs) l
