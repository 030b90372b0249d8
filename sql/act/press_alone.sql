-- One at a time for each press, and no statement after this one for ever: somebody waits for an answer.
SELECT pg_advisory_xact_lock(hashtextextended(:key, 0)), set_config('statement_timeout', :patience, true)
