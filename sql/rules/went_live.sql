-- When each rule, with these limits, went live at each unit.
SELECT unit, rule, limits, first_night FROM nephrowatch.unit_rules ORDER BY unit, rule, limits
