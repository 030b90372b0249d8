-- Entries after :after, oldest first; body null where it was erased. :kind '' means every kind.
SELECT l.seq, l.kind, l.recorded_at, l.recorded_by, l.hash, b.body
FROM history.ledger l LEFT JOIN history.bodies b USING (seq)
WHERE l.seq > :after AND (:kind = '' OR l.kind = :kind)
ORDER BY l.seq
