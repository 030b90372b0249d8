SELECT h.seq, encode(h.hash, 'hex') AS hash, (SELECT l.recorded_at FROM history.ledger l WHERE l.seq = h.seq) AS at FROM history.head h
