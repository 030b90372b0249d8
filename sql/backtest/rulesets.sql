-- Stored rule sets whose hash begins so.
SELECT ruleset, body FROM nephrowatch.rulesets WHERE starts_with(ruleset, :start) ORDER BY ruleset
