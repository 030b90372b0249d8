-- The time zone of each unit.
SELECT unit, zone FROM nephrowatch.units
