-- What goes live tonight: its first night is this one, or a first night that died before it was decided.
SELECT u.unit, u.rule, u.limits FROM nephrowatch.unit_rules u
WHERE u.first_night <= :night AND NOT EXISTS (
    SELECT FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
    WHERE j.live AND (j.reconciled_at IS NOT NULL OR j.sealed_at IS NOT NULL)
      AND r.night >= u.first_night AND r.night < :night)
