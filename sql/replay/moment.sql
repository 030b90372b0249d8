-- The moment the world is rebuilt for.
CREATE TEMP TABLE moment (judgement_id bigint, night date, at timestamptz) ON COMMIT DROP
