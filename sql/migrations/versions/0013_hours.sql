-- Messages that wait for the end of quiet hours, and what happens while nobody answers. Run as nephrowatch_migrator.
ALTER TABLE nephrowatch.outbox ADD COLUMN not_before timestamptz;  -- it waits for the end of quiet hours; null: it does not
CREATE TABLE nephrowatch.escalations (          -- as the routes were when the change was made
    episode_id bigint NOT NULL REFERENCES nephrowatch.episodes,
    change_seq integer NOT NULL,
    step integer NOT NULL,
    due_at timestamptz NOT NULL,
    minutes integer NOT NULL,                   -- from the decision to this step
    destinations jsonb NOT NULL,                -- names; empty: whoever had the alert, as a reminder
    outcome text CHECK (outcome IN ('sent', 'answered', 'ended', 'superseded')),
    ended_at timestamptz,
    PRIMARY KEY (episode_id, change_seq, step)
);
CREATE INDEX escalations_due ON nephrowatch.escalations (due_at) WHERE outcome IS NULL;
GRANT SELECT, INSERT ON nephrowatch.escalations TO nephrowatch_pipeline;
GRANT SELECT ON nephrowatch.escalations TO nephrowatch_delivery, nephrowatch_web, nephrowatch_reader;
GRANT UPDATE (outcome, ended_at) ON nephrowatch.escalations TO nephrowatch_delivery;
GRANT SELECT ON nephrowatch.human_actions TO nephrowatch_delivery;
