-- Unit, night and destination with more alerts than a reader can take one by one, of which some still wait. What already left
-- this night counts, too, so that a storm that comes in parts is one all the same. CRITICAL ones are never bundled.
SELECT o.unit, o.night, o.destination
FROM nephrowatch.outbox o
WHERE o.state = 'pending' AND o.attempt = 0 AND o.kind = 'alert' AND o.severity <> 'CRITICAL' AND o.unit IS NOT NULL
    AND NOT o.content ? 'instead_of'
GROUP BY o.unit, o.night, o.destination
HAVING count(*) > 1 AND :limit < (
    SELECT count(*) FROM nephrowatch.outbox a
    WHERE a.kind = 'alert' AND a.unit = o.unit AND a.night = o.night AND a.destination = o.destination AND a.severity <> 'CRITICAL')
ORDER BY o.unit, o.night, o.destination
