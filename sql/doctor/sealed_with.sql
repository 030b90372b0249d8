-- The keys that sealed kept messages, the newest first.
SELECT key_id, max(kept_at) AS newest FROM nephrowatch.payloads GROUP BY key_id ORDER BY newest DESC
