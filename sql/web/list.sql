-- Patients with open episodes of the units the reader sees, each once, in the order of the morning list: what waits (the worst
-- first, then the warnings of the newest night), then what somebody looks after; those with the next session first, then the
-- newest change. Of each unit :most of those after a place (further; '' none), of all :all; and how many there are.
-- band: 0 CRITICAL, 1 HIGH, 2 WARNING of this night, 3 WARNING; 4, 5, 6 the same, looked after. newest counts down.
WITH waiting AS MATERIALIZED (
    SELECT e.episode_id, e.ref, e.unit, e.patient_id, e.changed_night,
           CASE e.severity WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END
           + CASE WHEN e.state NOT IN ('open', 'stale') THEN 4
                  WHEN e.severity NOT IN ('CRITICAL', 'HIGH') AND e.opened_night <> u.judged_through THEN 1 ELSE 0 END AS band
    FROM nephrowatch.episodes e JOIN nephrowatch.units u USING (unit)
    WHERE e.state NOT IN ('resolved', 'retracted', 'closed') AND (:unit = '' OR e.unit = :unit)
),
sessions AS MATERIALIZED (SELECT * FROM nephrowatch.sessions_of_open(:unit)),
ahead AS MATERIALIZED (
    SELECT u.unit, s.schedule, min(n) AS days
    FROM nephrowatch.units u, (SELECT DISTINCT schedule FROM sessions) s, generate_series(0, 6) n
    WHERE lower(s.schedule) ~ ('(^|[,/])\s*' || to_char((CAST(:now AS timestamptz) AT TIME ZONE u.zone)::date + n, 'dy'))
    GROUP BY u.unit, s.schedule
),
patients AS (
    SELECT w.unit, w.patient_id, min(w.band) AS band, DATE '3000-01-01' - max(w.changed_night) AS newest, min(w.ref) AS ref,
           array_agg(w.episode_id ORDER BY w.band, w.changed_night DESC, w.ref) AS episodes
    FROM waiting w GROUP BY w.unit, w.patient_id
),
placed AS (
    SELECT p.*, s.schedule, s.modality, coalesce(a.days, 7) AS days,
           row_number() OVER (PARTITION BY p.unit ORDER BY p.band, coalesce(a.days, 7), p.newest, p.ref) AS place,
           count(*) OVER (PARTITION BY p.unit) AS of_unit
    FROM patients p LEFT JOIN sessions s USING (patient_id) LEFT JOIN ahead a ON a.unit = p.unit AND a.schedule = s.schedule
),
further AS (
    SELECT * FROM placed
    WHERE :after_unit = '' OR (unit, band, days, newest, ref) > (:after_unit, :after_band, :after_days, :after_newest, :after_ref)
)
SELECT f.unit, f.patient_id, f.band, f.days, f.newest, f.ref, f.episodes, f.schedule, f.modality, f.place, f.of_unit
FROM (SELECT *, min(place) OVER (PARTITION BY unit) AS first_place FROM further) f
WHERE f.place < f.first_place + :most
ORDER BY f.unit, f.place LIMIT :all
