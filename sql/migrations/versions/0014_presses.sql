-- Presses on Slack cards, each once, with what was answered. Run as nephrowatch_migrator.
CREATE TABLE nephrowatch.presses (
    press_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    press_key text NOT NULL UNIQUE,             -- channel, user, button, ref and instant: the same when Slack delivers again
    envelope_id text NOT NULL,
    slack_user text NOT NULL,
    channel text NOT NULL,
    action text NOT NULL,
    ref text NOT NULL,
    actor text,                                 -- as people.yaml knew them then; null for a stranger
    outcome text NOT NULL,                      -- taken, or the code of the refusal
    sentence text NOT NULL,                     -- what the presser was told
    recorded_at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON nephrowatch.presses TO nephrowatch_delivery;
GRANT SELECT ON nephrowatch.presses TO nephrowatch_pipeline, nephrowatch_web;
