-- Held to the end of the reconcile: knowledge only grows from one decision to the next.
SELECT pg_advisory_xact_lock(72001)
