-- What people decided about rules. Run as nephrowatch_migrator. Insert-only: the newest event of a kind counts.
CREATE TABLE nephrowatch.rule_events (
    rule_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    version integer NOT NULL,                   -- the number its author gave it, for people
    content text NOT NULL,                      -- hash of the whole rule: what a signature is bound to
    limits text NOT NULL,                       -- hash of what decides: what a waiver is bound to
    kind text NOT NULL CHECK (kind IN ('signed', 'waived', 'stopped', 'resumed')),
    unit text NOT NULL DEFAULT '',              -- '' every unit
    actor text NOT NULL CHECK (actor <> ''),
    role text NOT NULL DEFAULT '',              -- of a reviewer
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX rule_events_of_rule ON nephrowatch.rule_events (rule, rule_event_id);

GRANT SELECT ON nephrowatch.rule_events TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_reader;
GRANT INSERT ON nephrowatch.rule_events TO nephrowatch_pipeline;
GRANT SELECT ON nephrowatch.unit_rules TO nephrowatch_reader;
