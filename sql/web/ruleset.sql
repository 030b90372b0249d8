SELECT body FROM nephrowatch.rulesets WHERE ruleset = :ruleset
