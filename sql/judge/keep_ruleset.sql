INSERT INTO nephrowatch.rulesets (ruleset, body, first_used) VALUES (:ruleset, :body, :now)
ON CONFLICT (ruleset) DO NOTHING
