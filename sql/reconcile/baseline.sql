-- What went live on this very night.
SELECT unit, rule, limits FROM nephrowatch.unit_rules WHERE first_night = :night
