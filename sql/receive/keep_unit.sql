-- Units as the configuration has them now; the frontier is not its business.
INSERT INTO nephrowatch.units (unit, name, zone, cutoff) VALUES (:code, :name, :zone, :cutoff)
ON CONFLICT (unit) DO UPDATE SET name = excluded.name, zone = excluded.zone, cutoff = excluded.cutoff
WHERE (units.name, units.zone, units.cutoff) IS DISTINCT FROM (excluded.name, excluded.zone, excluded.cutoff)
