-- Many alerts of one unit and night in one message. Run as nephrowatch_migrator.
ALTER TABLE nephrowatch.outbox ADD COLUMN bundled_in text;  -- dedup_key of the message that tells of this one, too
ALTER TABLE nephrowatch.outbox DROP CONSTRAINT outbox_state_check;
ALTER TABLE nephrowatch.outbox ADD CONSTRAINT outbox_state_check
    CHECK (state IN ('pending', 'claimed', 'bundled', 'delivered', 'permanent', 'ambiguous', 'dead'));
CREATE INDEX outbox_of_night ON nephrowatch.outbox (unit, night, destination) WHERE kind = 'alert';
CREATE INDEX outbox_bundled ON nephrowatch.outbox (bundled_in) WHERE bundled_in IS NOT NULL;
GRANT UPDATE (bundled_in) ON nephrowatch.outbox TO nephrowatch_delivery;
