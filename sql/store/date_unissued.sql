-- Corrections and withdrawals that do not say when they were issued count from when they came, so that of several the
-- last to come counts; but none passes a withdrawal that came before it without a time, for it may be the older one.
UPDATE keyed k
SET issued_at = least(
    greatest(CAST(:now AS timestamptz), (SELECT max(b.issued_at) FROM known_before b WHERE b.result_key = k.result_key AND b.rank <= k.rank)),
    CASE WHEN k.rank < 3 THEN (SELECT min(b.issued_at) FROM known_before b
                                WHERE b.result_key = k.result_key AND b.rank = 3 AND NOT b.issue_stated) END)
WHERE NOT k.issue_stated AND k.rank >= 2
