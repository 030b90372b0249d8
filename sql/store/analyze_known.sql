ANALYZE known_before, repeated
