-- Whether the ledger already says that this judgement told nobody.
SELECT EXISTS (
    SELECT FROM history.ledger l JOIN history.bodies b USING (seq)
    WHERE l.kind = 'night_retrospective'
      AND (convert_from(b.body, 'UTF8')::jsonb ->> 'judgement')::bigint = :judgement_id
)
