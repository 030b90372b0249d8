CREATE TEMP TABLE incoming_resources (reference text NOT NULL, body text NOT NULL, last_updated timestamptz) ON COMMIT DROP
