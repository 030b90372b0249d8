-- The newest word on each limb of an episode, with its sentence and the facts that go on the card.
SELECT DISTINCT ON (f.rule) f.rule, f.outcome, f.severity, f.reason, f.sentence, f.since, f.facts, r.night
FROM nephrowatch.episodes e
JOIN nephrowatch.limbs l ON l.episode_id = e.episode_id
JOIN nephrowatch.judgements j ON j.live
JOIN nephrowatch.runs r ON r.run_id = j.run_id
JOIN nephrowatch.findings f ON f.judgement_id = j.judgement_id AND f.patient_id = e.patient_id AND f.rule = l.rule
WHERE e.episode_id = :episode_id
ORDER BY f.rule, r.night DESC, j.known DESC
