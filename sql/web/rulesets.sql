SELECT ruleset, first_used FROM nephrowatch.rulesets ORDER BY first_used DESC LIMIT 30
