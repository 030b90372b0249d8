CREATE TEMP TABLE unit_rules ON COMMIT DROP AS
SELECT u.* FROM nephrowatch.unit_rules u CROSS JOIN pg_temp.moment m WHERE u.first_night <= m.night
