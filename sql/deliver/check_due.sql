-- Of some destinations, those not asked since :since at the place they lead to now.
SELECT d.destination
FROM jsonb_to_recordset(CAST(:destinations AS jsonb)) AS d (destination text, place text)
WHERE NOT EXISTS (SELECT FROM nephrowatch.destination_checks c
                  WHERE c.destination = d.destination AND c.place = d.place AND c.checked_at > :since AND c.checked_at <= :now)
ORDER BY d.destination
