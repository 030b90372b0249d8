-- The one way into the ledger: entries in order, under the lock of its head row, kept to commit.
SELECT seq, hash FROM history.append(CAST(:kinds AS text[]), CAST(:texts AS text[]))
