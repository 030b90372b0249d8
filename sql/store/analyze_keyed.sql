ANALYZE keyed
