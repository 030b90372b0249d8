-- How a destination stands. Gives what it was before ('' for never asked there), and since when it stands so.
WITH before AS (SELECT c.outcome FROM nephrowatch.destination_checks c
                WHERE c.destination = :destination AND c.place = :place)
INSERT INTO nephrowatch.destination_checks AS k (destination, place, outcome, since, checked_at)
VALUES (:destination, :place, :outcome, :now, :now)
ON CONFLICT (destination) DO UPDATE SET place = excluded.place, outcome = excluded.outcome, checked_at = excluded.checked_at,
    since = CASE WHEN k.outcome = excluded.outcome AND k.place = excluded.place THEN k.since ELSE excluded.since END
RETURNING coalesce((SELECT outcome FROM before), '') AS before, k.since
