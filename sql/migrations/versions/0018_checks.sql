-- How each Slack destination stood when it was last asked. Run as nephrowatch_migrator.
CREATE TABLE nephrowatch.destination_checks (
    destination text PRIMARY KEY,
    place text NOT NULL,                        -- where it led then
    outcome text NOT NULL,                      -- ok | token_refused | not_a_member | ... (monitors/delivery/checks.py)
    since timestamptz NOT NULL,                 -- of this outcome
    checked_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON nephrowatch.destination_checks TO nephrowatch_delivery;
GRANT SELECT ON nephrowatch.destination_checks TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_reader;
