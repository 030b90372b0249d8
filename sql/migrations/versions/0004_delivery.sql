-- What delivery keeps besides the outbox. Run as nephrowatch_migrator.

-- The next message is found by walking this, worst first, not by sorting all that wait.
CREATE INDEX outbox_due ON nephrowatch.outbox
    ((CASE severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END), outbox_id) WHERE state = 'pending';
CREATE INDEX outbox_claimed ON nephrowatch.outbox (lease_until) WHERE state = 'claimed';
CREATE INDEX outbox_unfinished ON nephrowatch.outbox (episode_id, destination, outbox_id)
    WHERE state IN ('pending', 'claimed');

CREATE TABLE nephrowatch.payloads (             -- what was shown to whom, one row a send begun
    outbox_id bigint NOT NULL,
    attempt integer NOT NULL,
    key_id text NOT NULL,                       -- first digits of the key's hash: which key opens it
    sealed bytea NOT NULL,                      -- the rendered message, encrypted
    audience jsonb NOT NULL,                    -- who could see it then: members of the channel, or the address
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (outbox_id, attempt),
    FOREIGN KEY (outbox_id, attempt) REFERENCES nephrowatch.attempts
);

CREATE TABLE nephrowatch.paces (                -- when a destination may be used again, for all workers together
    destination text PRIMARY KEY,
    free_at timestamptz NOT NULL
);

CREATE TABLE nephrowatch.detail_leaves (        -- who let a destination see patients' data, and until when
    destination text NOT NULL,
    approved_by text NOT NULL,
    basis text NOT NULL,
    until date NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (destination, approved_by, basis, until)
);

GRANT SELECT, INSERT ON nephrowatch.payloads, nephrowatch.paces, nephrowatch.detail_leaves TO nephrowatch_delivery;
GRANT UPDATE (free_at) ON nephrowatch.paces TO nephrowatch_delivery;
GRANT SELECT ON nephrowatch.payloads, nephrowatch.paces, nephrowatch.detail_leaves TO nephrowatch_pipeline, nephrowatch_web;
GRANT SELECT ON nephrowatch.detail_leaves TO nephrowatch_reader;
-- For detail cards: the patient's name and the findings of an episode. Only where a leave holds does the program read them.
GRANT SELECT ON nephrowatch.subjects, nephrowatch.findings TO nephrowatch_delivery;
