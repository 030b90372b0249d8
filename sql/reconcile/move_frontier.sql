-- Only forward: the units of this judgement are from now on judged through its night.
UPDATE nephrowatch.units u SET judged_through = :night
WHERE (u.judged_through IS NULL OR u.judged_through < :night)
  AND EXISTS (SELECT FROM nephrowatch.standings s WHERE s.judgement_id = :judgement_id AND s.unit = u.unit)
