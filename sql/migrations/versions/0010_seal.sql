-- Signed entries, and what each login may say. Run as nephrowatch_migrator.
SET LOCAL ROLE nephrowatch_ledger;

CREATE TABLE history.signatures (               -- by the writing service, whose key is not in the database
    seq bigint PRIMARY KEY REFERENCES history.ledger,
    key text NOT NULL,                          -- first bytes of the public key's hash, hex
    signature bytea NOT NULL                    -- Ed25519 over 'nephrowatch/entry/v1|' kind '|' hex(commitment)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.signatures FOR EACH ROW EXECUTE FUNCTION history.refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON history.signatures EXECUTE FUNCTION history.refuse();

CREATE TABLE history.voices (                   -- what a login has business saying: kinds that match the pattern
    login text PRIMARY KEY,
    kinds text NOT NULL
);
INSERT INTO history.voices VALUES
    ('nephrowatch_pipeline', '.*'),
    ('nephrowatch_delivery', '^(message_.*|trial_.*|episode_(taken|released|acknowledged|unacknowledged|snoozed|dismissed|outcome)'
        '|evidence_opened|action_refused|delivery_.*|payload_.*|dead_.*|escalat.*)$'),
    ('nephrowatch_web', '^(episode_(taken|released|acknowledged|unacknowledged|snoozed|dismissed|outcome)|evidence_opened'
        '|action_refused|history_.*)$'),
    ('nephrowatch_pages', '^(page_read|emergency_.*)$');

-- As before, and: entries may bring their salt and signature; time never runs back within the chain, so that a time that does is
-- somebody's hand; a login says only what it has business saying.
DROP FUNCTION history.append(text[], text[]);
CREATE FUNCTION history.append(kinds text[], texts text[], salts bytea[] DEFAULT NULL, signatures bytea[] DEFAULT NULL,
                               key text DEFAULT NULL)
    RETURNS TABLE (seq bigint, hash bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    head_seq bigint; head_hash bytea; moment timestamptz := clock_timestamp();
    salt bytea; raw bytea; promise bytea; i integer; voice text;
BEGIN
    IF cardinality(kinds) <> cardinality(texts) OR cardinality(salts) <> cardinality(kinds)
            OR cardinality(signatures) <> cardinality(kinds) THEN
        RAISE EXCEPTION 'history.append: % kinds for % bodies', cardinality(kinds), cardinality(texts);
    END IF;
    SELECT v.kinds INTO voice FROM history.voices v WHERE v.login = session_user;
    IF EXISTS (SELECT FROM unnest(kinds) AS k WHERE k !~ coalesce(voice, '^$')) THEN
        RAISE EXCEPTION 'history.append: % may not say that', session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('synchronous_commit', 'on', true);   -- an acknowledged entry survives a crash
    SELECT h.seq, h.hash INTO head_seq, head_hash FROM history.head h FOR UPDATE;
    moment := greatest(clock_timestamp(), (SELECT l.recorded_at FROM history.ledger l WHERE l.seq = head_seq));
    FOR i IN 1 .. cardinality(kinds) LOOP
        head_seq := head_seq + 1;
        salt := coalesce(salts[i], decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
        raw := convert_to(texts[i], 'UTF8');
        promise := sha256(salt || raw);
        INSERT INTO history.ledger VALUES (head_seq, kinds[i], moment, session_user, promise, head_hash,
            sha256(convert_to('nephrowatch/ledger/v1|' || head_seq || '|' || kinds[i] || '|'
                || (extract(epoch FROM moment) * 1000000)::bigint || '|' || session_user || '|'
                || encode(promise, 'hex') || '|' || encode(head_hash, 'hex'), 'UTF8')))
            RETURNING ledger.hash INTO head_hash;
        INSERT INTO history.bodies VALUES (head_seq, salt, raw);
        IF signatures[i] IS NOT NULL THEN
            INSERT INTO history.signatures VALUES (head_seq, append.key, signatures[i]);
        END IF;
        seq := head_seq; hash := head_hash;
        RETURN NEXT;
    END LOOP;
    UPDATE history.head h SET seq = head_seq, hash = head_hash;
END
$$;
REVOKE ALL ON FUNCTION history.append(text[], text[], bytea[], bytea[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history.append(text[], text[], bytea[], bytea[], text)
    TO nephrowatch_pipeline, nephrowatch_delivery, nephrowatch_web, nephrowatch_pages;
GRANT SELECT ON history.signatures TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_delivery, nephrowatch_reader;
RESET ROLE;
