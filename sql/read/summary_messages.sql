-- Messages by destination, kind and state of delivery.
SELECT destination, kind, state, count(*) AS messages, count(*) FILTER (WHERE possible_repeat) AS possible_repeats
FROM nephrowatch.outbox
GROUP BY destination, kind, state ORDER BY destination, kind, state
