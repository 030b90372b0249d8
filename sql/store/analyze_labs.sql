-- Temporary tables have no statistics until asked for, and the planner guesses badly without.
ANALYZE incoming_labs
