-- The whole ledger beside its head, in one snapshot: one row with seq null when nothing was appended yet.
SELECT l.seq, l.kind, l.recorded_at, l.recorded_by, l.commitment, l.previous, l.hash,
       b.salt, b.body, s.key, s.signature, h.seq AS head_seq, h.hash AS head_hash,
       (SELECT min(o.seq) FROM history.bodies o WHERE NOT EXISTS (SELECT FROM history.ledger k WHERE k.seq = o.seq)) AS orphan
FROM history.head h
LEFT JOIN history.ledger l ON true
LEFT JOIN history.bodies b ON b.seq = l.seq
LEFT JOIN history.signatures s ON s.seq = l.seq
ORDER BY l.seq
