SELECT l.hash FROM history.ledger l WHERE CAST(:until AS bigint) IS NULL OR l.seq <= :until ORDER BY l.seq
