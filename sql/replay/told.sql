CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT t.* FROM nephrowatch.told t CROSS JOIN pg_temp.moment m WHERE t.told_at <= m.at
