-- Units the reader sees, with their time zone.
SELECT unit, name, zone FROM nephrowatch.units WHERE nephrowatch.sees_unit(unit) ORDER BY unit COLLATE "C"
