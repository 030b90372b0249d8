-- Patients with open episodes of the units the reader sees, each once, in the order of the morning list: what waits (the worst
-- first, then the warnings of the newest night), then what somebody looks after; those with the next session first, then the
-- newest change. Of each unit :most of those after a place (after_unit '': from the first), and how many there are in all.
-- band: 0 CRITICAL, 1 HIGH, 2 WARNING of this night, 3 WARNING; 4, 5, 6 the same, looked after. newest counts down; number: of the
-- oldest open episode, to tell equals apart.
WITH sessions AS MATERIALIZED (SELECT * FROM nephrowatch.sessions_of_open(:unit)),
ahead AS MATERIALIZED (
    SELECT u.unit, s.schedule, min(n) AS days
    FROM nephrowatch.units u, (SELECT DISTINCT schedule FROM sessions) s, generate_series(0, 6) n
    WHERE lower(s.schedule) ~ ('(^|[,/])\s*' || to_char((CAST(:now AS timestamptz) AT TIME ZONE u.zone)::date + n, 'dy'))
    GROUP BY u.unit, s.schedule
),
patients AS (
    SELECT e.unit COLLATE "C" AS unit, e.patient_id, DATE '3000-01-01' - max(e.changed_night) AS newest, min(e.episode_id) AS number,
           min(CASE e.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END
               + CASE WHEN e.state NOT IN ('open', 'stale') THEN 4
                      WHEN e.severity NOT IN ('CRITICAL', 'HIGH') AND e.opened_night <> u.judged_through THEN 1 ELSE 0 END) AS band
    FROM nephrowatch.episodes e JOIN nephrowatch.units u USING (unit)
    WHERE e.state NOT IN ('resolved', 'retracted', 'closed') AND (:unit = '' OR e.unit = :unit)
    GROUP BY e.unit, e.patient_id
),
placed AS MATERIALIZED (
    SELECT p.*, s.schedule, s.modality, coalesce(a.days, 7) AS days
    FROM patients p LEFT JOIN sessions s USING (patient_id) LEFT JOIN ahead a ON a.unit = p.unit AND a.schedule = s.schedule
),
counted AS (
    SELECT unit, count(*) AS of_unit,
           count(*) FILTER (WHERE (band, days, newest, number) <= (:after_band, :after_days, :after_newest, :after_number)) AS before
    FROM placed GROUP BY unit
)
SELECT c.unit, c.of_unit, CASE :after_unit WHEN c.unit THEN c.before ELSE 0 END AS before, p.patient_id, p.band, p.days, p.newest,
       p.number, p.schedule, p.modality,
       ARRAY(SELECT e.episode_id FROM nephrowatch.episodes e WHERE e.patient_id = p.patient_id AND e.unit = c.unit
              AND e.state NOT IN ('resolved', 'retracted', 'closed')) AS episodes
FROM counted c CROSS JOIN LATERAL (
    SELECT * FROM placed p
    WHERE p.unit = c.unit AND (:after_unit <> c.unit
          OR (p.band, p.days, p.newest, p.number) > (:after_band, :after_days, :after_newest, :after_number))
    ORDER BY p.band, p.days, p.newest, p.number LIMIT :most) p
ORDER BY c.unit, p.band, p.days, p.newest, p.number
