-- What deciding needs besides rules and results: the site as it was. Run as nephrowatch_migrator.
CREATE TABLE nephrowatch.sites (                -- units, limits of what people say, routes; no secret is in it
    site text PRIMARY KEY,                      -- hash of body
    body text NOT NULL,
    first_used timestamptz NOT NULL
);
ALTER TABLE nephrowatch.judgements ADD COLUMN site text REFERENCES nephrowatch.sites;  -- null: made before this was kept
CREATE TABLE nephrowatch.erasures (             -- who was erased; what is left of such a patient is this number
    patient_id bigint PRIMARY KEY,
    actor text NOT NULL CHECK (actor <> ''), reason text NOT NULL CHECK (reason <> ''),
    erased_at timestamptz NOT NULL
);
GRANT SELECT ON nephrowatch.sites, nephrowatch.erasures TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_reader;
GRANT INSERT ON nephrowatch.sites TO nephrowatch_pipeline;
GRANT UPDATE (site) ON nephrowatch.judgements TO nephrowatch_pipeline;
CREATE TABLE nephrowatch.holds (                -- legal holds: such a patient is not erased
    hold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id bigint NOT NULL,
    actor text NOT NULL CHECK (actor <> ''), reason text NOT NULL CHECK (reason <> ''), placed_at timestamptz NOT NULL,
    lifted_by text, lifted_at timestamptz
);
GRANT SELECT ON nephrowatch.holds TO nephrowatch_pipeline, nephrowatch_web;
GRANT INSERT, UPDATE (lifted_by, lifted_at) ON nephrowatch.holds TO nephrowatch_pipeline;

-- Everything that says who a patient was or what was found in that patient. Left: a number of ours, the nights on which an episode
-- opened, changed and ended, with rule, reason and severity, and who was told; nothing that leads back to anybody.
-- Returns how many rows of each table were deleted or blanked.
CREATE FUNCTION nephrowatch.erase(patient bigint, by_actor text, why text, at timestamptz)
    RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    numbers bigint[]; words text[]; pattern text; eps bigint[]; gone jsonb := '{}'; n bigint;
BEGIN
    IF EXISTS (SELECT FROM nephrowatch.holds h WHERE h.patient_id = patient AND h.lifted_at IS NULL) THEN
        RAISE EXCEPTION 'nephrowatch.erase: a legal hold is on this patient';
    END IF;
    numbers := ARRAY(SELECT DISTINCT subject_id FROM nephrowatch.links WHERE patient_id = patient UNION SELECT patient);
    words := ARRAY(SELECT identifier FROM nephrowatch.subjects WHERE subject_id = ANY (numbers)
                   UNION SELECT second_identifier FROM nephrowatch.subjects WHERE subject_id = ANY (numbers) AND second_identifier <> '');
    pattern := '(^|[^[:alnum:]])(' || (SELECT string_agg(regexp_replace(w, '([^[:alnum:]])', '\\\1', 'g'), '|') FROM unnest(words) w)
        || ')($|[^[:alnum:]])';
    eps := ARRAY(SELECT episode_id FROM nephrowatch.episodes WHERE patient_id = patient);

    DELETE FROM nephrowatch.supersessions s USING nephrowatch.results r
        WHERE r.subject_id = ANY (numbers) AND (s.loser_id = r.id OR s.winner_id = r.id);
    DELETE FROM nephrowatch.results WHERE subject_id = ANY (numbers);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('results', n);
    DELETE FROM nephrowatch.medications WHERE subject_id = ANY (numbers);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('medications', n);
    DELETE FROM nephrowatch.facts WHERE subject_id = ANY (numbers);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('facts', n);
    DELETE FROM nephrowatch.census WHERE subject_id = ANY (numbers);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('census', n);
    DELETE FROM nephrowatch.births WHERE subject_id = ANY (numbers);
    DELETE FROM nephrowatch.findings WHERE patient_id = ANY (numbers);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('findings', n);
    UPDATE nephrowatch.standings SET newest_result = NULL WHERE patient_id = ANY (numbers);
    UPDATE nephrowatch.limbs SET evidence = '[]' WHERE episode_id = ANY (eps);
    UPDATE nephrowatch.changes SET limbs = (
        SELECT coalesce(jsonb_object_agg(l.key, l.value || '{"evidence": []}'), '{}') FROM jsonb_each(limbs) l)
        WHERE episode_id = ANY (eps);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('changes', n);
    UPDATE nephrowatch.human_actions SET reason = '' WHERE episode_id = ANY (eps);
    UPDATE nephrowatch.identity_events SET reason = NULL WHERE subject_id = ANY (numbers) OR merged_subject_id = ANY (numbers);
    DELETE FROM nephrowatch.payloads p USING nephrowatch.outbox o WHERE o.outbox_id = p.outbox_id AND o.episode_id = ANY (eps);
    UPDATE nephrowatch.quarantine SET raw = NULL, sentence = 'erased', said = NULL, collected_at = NULL
        WHERE raw::text ~ pattern OR sentence ~ pattern;
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('quarantine', n);
    UPDATE nephrowatch.files SET name = 'erased-' || file_id, sentence = NULL WHERE name ~ pattern OR sentence ~ pattern;
    DELETE FROM nephrowatch.fhir_resources f WHERE f.body ~ pattern OR EXISTS (
        SELECT FROM nephrowatch.fhir_resources p WHERE p.feed = f.feed AND p.reference LIKE 'Patient/%' AND p.body ~ pattern
            AND position('"' || p.reference || '"' IN f.body) > 0);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('resources', n);
    UPDATE nephrowatch.subjects SET authority = 'erased', identifier = subject_id::text, date_of_birth = NULL, family_name = NULL,
        given_name = NULL, sex = NULL, second_identifier = NULL, second_authority = NULL WHERE subject_id = ANY (numbers);
    GET DIAGNOSTICS n = ROW_COUNT; gone := gone || jsonb_build_object('numbers', n);
    INSERT INTO nephrowatch.erasures SELECT number, by_actor, why, at FROM unnest(numbers) number;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION nephrowatch.erase(bigint, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.erase(bigint, text, text, timestamptz) TO nephrowatch_pipeline;

SET LOCAL ROLE nephrowatch_ledger;
-- Bodies go in an erasure only, by the one function below; it runs as the role nobody logs in as. A body that went and that no
-- `patient_erased` entry names is damage to whoever verifies.
CREATE FUNCTION history.refuse_but_erasure() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'nephrowatch_ledger' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME;
END
$$;
DROP TRIGGER append_only ON history.bodies;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.bodies FOR EACH ROW EXECUTE FUNCTION history.refuse_but_erasure();
CREATE FUNCTION history.erase(entries bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    n bigint;
BEGIN
    DELETE FROM history.bodies b USING history.ledger l
        WHERE b.seq = l.seq AND b.seq = ANY (entries) AND l.kind NOT IN ('patient_erased', 'hold_placed', 'hold_lifted');
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;
REVOKE ALL ON FUNCTION history.erase(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history.erase(bigint[]) TO nephrowatch_pipeline;
RESET ROLE;
