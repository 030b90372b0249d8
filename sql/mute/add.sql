INSERT INTO nephrowatch.silences (units, rules, groups, destinations, begins_at, ends_at, actor, reason, recorded_at)
VALUES (:units, :rules, :groups, :destinations, :begins_at, :ends_at, :actor, :reason, :now)
RETURNING silence_id
