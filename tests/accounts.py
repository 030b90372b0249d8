"""The one check of the books: every row of every file is stored, known or in quarantine, and the tables agree."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from monitors.database import Database, Role

# What the tables say of each finished file, beside what its own row says. A row is in quarantine while its newest
# entry is open or discarded; stored where a table holds a row of that number; `twice` would be both at once.
BOOKS = """
WITH entries AS (
    SELECT DISTINCT ON (q.file_id, q.row_no) q.file_id, q.row_no, e.ended
    FROM nephrowatch.quarantine q LEFT JOIN nephrowatch.quarantine_ends e USING (quarantine_id)
    WHERE q.row_no > 0
    ORDER BY q.file_id, q.row_no, q.batch DESC
), aside AS (
    SELECT file_id, row_no FROM entries WHERE ended IS NULL OR ended = 'discarded'
), held AS (
    SELECT file_id, row_no FROM nephrowatch.results
    UNION SELECT file_id, row_no FROM nephrowatch.medications
    UNION SELECT file_id, row_no FROM nephrowatch.census
    UNION SELECT file_id, row_no FROM nephrowatch.facts
    UNION SELECT file_id, row_no FROM nephrowatch.identity_events WHERE file_id IS NOT NULL
)
SELECT f.file_id, f.feed, f.state, f.rows_received, f.rows_stored, f.rows_known, f.rows_quarantined, f.archived,
       t.rows_received AS twin,
       (SELECT count(*) FROM held h WHERE h.file_id = f.file_id
           AND NOT EXISTS (SELECT FROM aside a WHERE a.file_id = h.file_id AND a.row_no = h.row_no)) AS stored,
       (SELECT count(*) FROM aside a WHERE a.file_id = f.file_id) AS quarantined
FROM nephrowatch.files f LEFT JOIN nephrowatch.files t ON t.file_id = f.same_as
ORDER BY f.file_id
"""
# Whatever the files say: numbers without a gap, one current version an identity, and no half-written file.
_STRAY = "SELECT subject_id FROM nephrowatch.{} WHERE subject_id NOT IN (SELECT subject_id FROM nephrowatch.subjects)"
WRONG = {
    **{f"{table} of a subject that does not exist": _STRAY.format(table)
       for table in ("results", "medications", "census", "facts", "links", "births", "identity_events")},
    "a result of an assay that does not exist":
        "SELECT id FROM nephrowatch.results r WHERE assay_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM nephrowatch.assays a WHERE a.assay_id = r.assay_id)",
    "results are numbered with a gap": "SELECT count(*) FROM nephrowatch.results HAVING count(*) <> coalesce(max(id), 0)",
    "subjects are numbered with a gap":
        "SELECT count(*) FROM nephrowatch.subjects HAVING count(*) <> coalesce(max(subject_id), 0)",
    "a result has several current versions":
        "SELECT result_key FROM nephrowatch.results r WHERE NOT EXISTS (SELECT FROM nephrowatch.supersessions s"
        " WHERE s.loser_id = r.id) GROUP BY result_key HAVING count(*) > 1",
    "a result lost against a version that came later than its losing":
        "SELECT s.loser_id FROM nephrowatch.supersessions s JOIN nephrowatch.results r ON r.id = s.winner_id"
        " WHERE r.batch > s.batch",
    "a batch was begun and not written": "SELECT batch FROM nephrowatch.batch_counter WHERE batch <> "
        "(SELECT coalesce(max(batch), 0) FROM nephrowatch.batches)",
    "a subject belongs to nobody": "SELECT subject_id FROM nephrowatch.subjects s WHERE NOT EXISTS "
        "(SELECT FROM nephrowatch.links l WHERE l.subject_id = s.subject_id)",
    "a date of birth is not its newest version": "SELECT subject_id FROM nephrowatch.subjects s"
        " WHERE date_of_birth IS DISTINCT FROM"
        " (SELECT b.date_of_birth FROM nephrowatch.births b WHERE b.subject_id = s.subject_id ORDER BY batch DESC LIMIT 1)",
}  # fmt: skip


def assert_accounts(database: Database, rows: Mapping[str, int] | None = None) -> None:
    """Received = stored + known + quarantined for every file, by its own counts and by the tables. A file that still
    waits has left no row anywhere. rows: address in the archive -> rows that reading those bytes gives, as far as the
    test counted them; known are those of them that no table holds."""
    with database.begin(Role.WEB) as connection:
        for file in connection.execute(text(BOOKS)):
            what = f"file {file.file_id} of {file.feed} ({file.state})"
            if file.state == "received":
                assert (file.stored, file.quarantined) == (0, 0), f"{what} left rows behind"
                continue
            assert min(file.rows_received, file.rows_stored, file.rows_known, file.rows_quarantined) >= 0, what
            assert file.rows_received == file.rows_stored + file.rows_known + file.rows_quarantined, what
            assert (file.rows_stored, file.rows_quarantined) == (file.stored, file.quarantined), what
            read = file.twin if file.state == "known" else (rows or {}).get(file.archived, file.rows_received)
            assert file.rows_known == read - file.stored - file.quarantined, what
        for wrong, statement in WRONG.items():
            assert connection.execute(text(statement)).all() == [], wrong
