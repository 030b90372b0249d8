SELECT unit, name, zone, cutoff FROM nephrowatch.units ORDER BY unit
