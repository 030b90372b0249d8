-- What people asked to hear nothing of for a while, and what was not told because of that. Run as nephrowatch_migrator.
CREATE TABLE nephrowatch.silences (
    silence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    units text[] NOT NULL, rules text[] NOT NULL, groups text[] NOT NULL, destinations text[] NOT NULL,  -- empty: any
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    actor text NOT NULL CHECK (actor <> ''),
    reason text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL,
    ended_at timestamptz,                       -- by a person, before its time
    ended_by text,
    ended_reason text,
    CHECK (begins_at >= recorded_at AND ends_at > begins_at),
    CHECK (units || rules || groups || destinations <> '{}'),   -- nobody silences everything
    CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX silences_by_end ON nephrowatch.silences (ends_at);
CREATE TABLE nephrowatch.silenced (             -- a telling withheld by a silence, as it would have read
    episode_id bigint NOT NULL REFERENCES nephrowatch.episodes,
    change_seq integer NOT NULL,
    destination text NOT NULL,
    silence_id bigint NOT NULL REFERENCES nephrowatch.silences,
    unit text NOT NULL,
    severity text NOT NULL CHECK (severity <> 'CRITICAL'),
    night date NOT NULL,
    content jsonb NOT NULL,                     -- as of an outbox row; free of PHI
    recorded_at timestamptz NOT NULL,
    outcome text CHECK (outcome IN ('told', 'ended', 'eased', 'answered', 'superseded')),  -- null: it still waits
    outcome_at timestamptz,
    PRIMARY KEY (episode_id, change_seq, destination)
);
CREATE INDEX silenced_waiting ON nephrowatch.silenced (episode_id) WHERE outcome IS NULL;
GRANT SELECT, INSERT ON nephrowatch.silences, nephrowatch.silenced TO nephrowatch_pipeline;
GRANT UPDATE (ended_at, ended_by, ended_reason) ON nephrowatch.silences TO nephrowatch_pipeline;
GRANT UPDATE (outcome, outcome_at) ON nephrowatch.silenced TO nephrowatch_pipeline, nephrowatch_delivery;
GRANT SELECT ON nephrowatch.silences, nephrowatch.silenced TO nephrowatch_delivery, nephrowatch_web, nephrowatch_reader;
GRANT INSERT ON nephrowatch.escalations TO nephrowatch_delivery;    -- what is told after a silence has its steps, too
