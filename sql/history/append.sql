-- The one way into the ledger: entries in order, under the lock of its head row, kept to commit.
SELECT seq, hash FROM history.append(CAST(:kinds AS text[]), CAST(:texts AS text[]), CAST(:salts AS bytea[]),
                                     CAST(:signatures AS bytea[]), CAST(:key AS text))
