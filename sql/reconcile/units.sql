-- Every unit, its frontier, and for the units of this judgement: patients, and the last live night that was sealed.
SELECT u.unit, u.name, u.zone, u.cutoff, u.judged_through, coalesce(s.patients, 0) AS patients,
       (SELECT max(r.night)
          FROM nephrowatch.judgements j JOIN nephrowatch.runs r USING (run_id)
         WHERE j.live AND j.sealed_at IS NOT NULL AND r.night < :night
           AND EXISTS (SELECT FROM nephrowatch.standings t WHERE t.judgement_id = j.judgement_id AND t.unit = u.unit)
       ) AS last_night
FROM nephrowatch.units u
LEFT JOIN (SELECT unit, count(*) FILTER (WHERE status IN ('active', 'admitted')) AS patients
             FROM nephrowatch.standings WHERE judgement_id = :judgement_id GROUP BY unit) s USING (unit)
ORDER BY u.unit
