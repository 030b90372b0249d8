-- Cards with details: who let a destination show them and until when, what they show, and by what leave it was shown.
-- Run as nephrowatch_migrator.
DROP TABLE nephrowatch.detail_leaves;           -- of 0004; nothing ever wrote to it
CREATE TABLE nephrowatch.detail_leaves (        -- insert-only; the newest row of a destination counts
    leave_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    destination text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('allowed', 'withdrawn')),
    place text NOT NULL,                        -- where the destination led then (channel or mailbox): it counts for no other
    until date,                                 -- the last day (UTC) of what was allowed
    approved_by text,                           -- key of people.yaml; null when withdrawn
    approver_name text,
    approver_role text,                         -- at that time
    actor text NOT NULL CHECK (actor <> ''),    -- who recorded it
    reason text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL,
    CHECK ((kind = 'allowed') = (until IS NOT NULL AND approved_by IS NOT NULL AND approver_name IS NOT NULL
                                 AND approver_role IS NOT NULL))
);
CREATE INDEX detail_leaves_newest ON nephrowatch.detail_leaves (destination, leave_id DESC);
GRANT SELECT, INSERT ON nephrowatch.detail_leaves TO nephrowatch_pipeline;
GRANT SELECT ON nephrowatch.detail_leaves TO nephrowatch_delivery, nephrowatch_web, nephrowatch_reader;

-- {leave, place, evidence, ...} of what was shown, or {leave, refused} where a leave held and could not be used; null: none held.
ALTER TABLE nephrowatch.attempts ADD COLUMN detail jsonb;
GRANT UPDATE (detail) ON nephrowatch.attempts TO nephrowatch_delivery;

-- The one way in which the login that delivers reads of a patient: for a message it has claimed, about an episode, to a destination
-- for which a leave holds, as known when the episode's newest evidence was judged. Null otherwise.
CREATE FUNCTION nephrowatch.detail_of(of_message bigint, at timestamptz, there text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    WITH asked AS (
        SELECT o.episode_id, o.change_seq, e.patient_id, d.leave_id
        FROM nephrowatch.outbox o JOIN nephrowatch.episodes e USING (episode_id)
        CROSS JOIN LATERAL (SELECT l.* FROM nephrowatch.detail_leaves l WHERE l.destination = o.destination
                            ORDER BY l.leave_id DESC LIMIT 1) d
        WHERE o.outbox_id = of_message AND o.state = 'claimed' AND d.kind = 'allowed' AND d.place = there
          AND at < (d.until + 1)::timestamp AT TIME ZONE 'UTC'
    ), seen AS (                                -- the newest change a night had made by then
        SELECT c.seq, c.limbs, c.judgement_id, j.known, a.*
        FROM asked a JOIN nephrowatch.changes c ON c.episode_id = a.episode_id AND c.seq <= a.change_seq
        JOIN nephrowatch.judgements j USING (judgement_id)
        ORDER BY c.seq DESC LIMIT 1
    ), numbers AS (
        SELECT l.subject_id FROM nephrowatch.links l, seen
        WHERE l.patient_id = seen.patient_id AND nephrowatch.patient_of(l.subject_id) = seen.patient_id
    ), listed AS (
        SELECT DISTINCT ON (m.medication_key) m.*
        FROM nephrowatch.medications m, seen
        WHERE m.subject_id IN (SELECT subject_id FROM numbers) AND m.batch <= seen.known
        ORDER BY m.medication_key, m.batch DESC, m.medication_id DESC
    )
    SELECT jsonb_build_object(
        'leave', seen.leave_id, 'evidence', seen.seq,
        'patient', (SELECT jsonb_build_object('family_name', s.family_name, 'given_name', s.given_name, 'born', s.date_of_birth,
                                              'number', s.identifier, 'authority', s.authority)
                    FROM nephrowatch.subjects s WHERE s.subject_id = seen.patient_id),
        'place', (SELECT jsonb_build_object('schedule', c.schedule, 'clinician', c.clinician)
                  FROM nephrowatch.census c, numbers n WHERE c.subject_id = n.subject_id AND c.batch <= seen.known
                  ORDER BY c.effective_on DESC, c.batch DESC, c.census_id DESC LIMIT 1),
        'limbs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'rule', l.key, 'outcome', l.value ->> 'outcome', 'severity', l.value ->> 'severity',
                        'evidence', l.value -> 'evidence', 'sentence', f.sentence, 'since', f.since, 'facts', f.facts)
                        ORDER BY l.key), '[]')
                  FROM jsonb_each(seen.limbs) l
                  LEFT JOIN nephrowatch.findings f
                    ON f.judgement_id = seen.judgement_id AND f.patient_id = seen.patient_id AND f.rule = l.key),
        'results', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                          'analyte', r.analyte, 'at', r.collected_at, 'value', r.value, 'comparator', r.comparator,
                          'flags', r.flags, 'assay', y.method, 'upper_limit', y.upper_limit)
                          ORDER BY r.collected_at, r.id), '[]')
                    FROM nephrowatch.results r
                    LEFT JOIN nephrowatch.assays y USING (assay_id)
                    WHERE r.subject_id IN (SELECT subject_id FROM numbers) AND r.batch <= seen.known AND r.value IS NOT NULL
                      AND r.collected_at > at - interval '400 days'
                      AND NOT EXISTS (SELECT FROM nephrowatch.supersessions x WHERE x.loser_id = r.id AND x.batch <= seen.known)),
        'drugs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'text', d.drug_text, 'dose', d.dose, 'since', d.started_on, 'until', d.ended_on, 'listed', d.listed_on,
                        'stopped', d.status = 'stopped', 'classes', d.classes)
                        ORDER BY d.ingredient, d.started_on, d.medication_id), '[]')
                  FROM listed d WHERE d.classes <> '{}' AND d.status NOT IN ('cancelled', 'entered-in-error')),
        'list_date', (SELECT max(d.listed_on) FROM listed d))
    FROM seen
$$;
REVOKE ALL ON FUNCTION nephrowatch.detail_of(bigint, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.detail_of(bigint, timestamptz, text) TO nephrowatch_delivery;
