-- Of every key with more than one version, all but the greatest (issued_at, status rank, batch, id) count no more.
-- That order never changes with arrival, so a loser stays one.
WITH versions AS (
    SELECT r.id, r.result_key, r.issued_at, r.batch,
           CASE r.status WHEN 'preliminary' THEN 0 WHEN 'final' THEN 1 WHEN 'corrected' THEN 2 WHEN 'amended' THEN 2
                         ELSE 3 END AS rank
    FROM nephrowatch.results r
    WHERE r.result_key IN (SELECT result_key FROM known_before
                           UNION SELECT result_key FROM keyed JOIN repeated USING (row_no))
), winners AS (
    SELECT id, first_value(id) OVER (PARTITION BY result_key ORDER BY issued_at DESC, rank DESC, batch DESC, id DESC) AS winner_id
    FROM versions
)
INSERT INTO nephrowatch.supersessions (loser_id, winner_id, batch)
SELECT id, winner_id, :batch FROM winners
WHERE id <> winner_id AND NOT EXISTS (SELECT FROM nephrowatch.supersessions s WHERE s.loser_id = winners.id)
