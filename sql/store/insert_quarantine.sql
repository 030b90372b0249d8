INSERT INTO nephrowatch.quarantine (file_id, row_no, line_no, kind, reason, sentence, remedy, raw, unit, critical, analyte,
                                    collected_at, said, releasable, batch)
SELECT :file_id, row_no, line_no, kind, reason, sentence, remedy, raw, unit, critical, analyte, collected_at, said, releasable, :batch
FROM incoming_quarantine ORDER BY row_no
