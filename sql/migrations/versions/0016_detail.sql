-- Who let a destination show patients' details, and until when. Run as nephrowatch_migrator.
DROP TABLE nephrowatch.detail_leaves;           -- of 0004; nothing ever wrote to it
CREATE TABLE nephrowatch.detail_leaves (        -- insert-only; the newest row of a destination counts
    leave_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    destination text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('allowed', 'withdrawn')),
    place text NOT NULL,                        -- where the destination led then (channel or mailbox): it counts for no other
    until date,                                 -- the last day (UTC) of what was allowed
    approved_by text,                           -- key of people.yaml; null when withdrawn
    approver_name text,
    approver_role text,                         -- at that time
    actor text NOT NULL CHECK (actor <> ''),    -- who recorded it
    reason text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL,
    CHECK ((kind = 'allowed') = (until IS NOT NULL AND approved_by IS NOT NULL AND approver_name IS NOT NULL
                                 AND approver_role IS NOT NULL))
);
CREATE INDEX detail_leaves_newest ON nephrowatch.detail_leaves (destination, leave_id DESC);
GRANT SELECT, INSERT ON nephrowatch.detail_leaves TO nephrowatch_pipeline;
GRANT SELECT ON nephrowatch.detail_leaves TO nephrowatch_delivery, nephrowatch_web, nephrowatch_reader;
