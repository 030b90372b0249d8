-- What the metrics count. Run as nephrowatch_migrator. The reader sees how limbs stand, never their evidence.
GRANT SELECT (episode_id, rule, outcome, severity) ON nephrowatch.limbs TO nephrowatch_reader;
CREATE INDEX attempts_delivered ON nephrowatch.attempts (finished_at) WHERE outcome = 'delivered';
