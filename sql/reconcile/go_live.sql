-- A rule, at a unit, with these limits: its first live night is its baseline night.
INSERT INTO nephrowatch.unit_rules (unit, rule, limits, first_night)
SELECT u.unit, :rule, :limits, :night
FROM nephrowatch.units u
WHERE u.judged_through = :night
  AND EXISTS (SELECT FROM nephrowatch.standings s WHERE s.judgement_id = :judgement_id AND s.unit = u.unit)
ON CONFLICT DO NOTHING
