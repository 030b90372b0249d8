-- What people do about episodes. Run as nephrowatch_migrator. Insert-only.
CREATE TABLE nephrowatch.human_actions (
    action_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    episode_id bigint NOT NULL REFERENCES nephrowatch.episodes,
    seq integer,                                -- the change it made; null where it made none (opened)
    evidence_seq integer NOT NULL,              -- the newest change a night had made: the evidence as it stood
    action text NOT NULL CHECK (action IN
        ('opened', 'take', 'release', 'acknowledge', 'unacknowledge', 'snooze', 'dismiss', 'outcome')),
    outcome text,                               -- of 'outcome': plan_recorded | repeat_requested | already_known | rule_is_wrong
    actor text NOT NULL CHECK (actor <> ''),    -- key of people.yaml
    actor_name text NOT NULL,
    role text NOT NULL,                         -- in which the actor acted, then
    reason text NOT NULL DEFAULT '',
    until date,                                 -- of a snooze
    severity text NOT NULL,
    basis jsonb NOT NULL,                       -- {rule: severity} of what stood when the person looked
    source text NOT NULL CHECK (source IN ('cli', 'web', 'slack')),
    recorded_at timestamptz NOT NULL,
    FOREIGN KEY (episode_id, seq) REFERENCES nephrowatch.changes
);
CREATE INDEX human_actions_of_episode ON nephrowatch.human_actions (episode_id, action_id);
CREATE UNIQUE INDEX opened_once ON nephrowatch.human_actions (episode_id, evidence_seq, actor) WHERE action = 'opened';

-- {rule: severity} of the limbs that are raised or held, and the newest change made by a night.
CREATE FUNCTION nephrowatch.basis_of(of_episode bigint) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS
$$
    SELECT coalesce(jsonb_object_agg(l.rule, l.severity), '{}') FROM nephrowatch.limbs l
    WHERE l.episode_id = of_episode AND l.outcome IN ('firing', 'holding')
$$;
CREATE FUNCTION nephrowatch.evidence_of(of_episode bigint) RETURNS integer LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS
$$
    SELECT coalesce(max(c.seq), 0) FROM nephrowatch.changes c
    WHERE c.episode_id = of_episode AND c.judgement_id IS NOT NULL
$$;

-- The only way in which a login that serves people changes an episode: one human step, to a human state, and never
-- over somebody else's (expected = the version decided on). Returns the new version, null where that was not the version.
CREATE FUNCTION nephrowatch.act(
    of_episode bigint, expected bigint, on_night date, at timestamptz, what text, change_kind text, because text,
    says text, new_state text, by_key text, by_name text, by_role text, why text, until_day date, said text, via text)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    was nephrowatch.episodes%ROWTYPE;
BEGIN
    SELECT * INTO was FROM nephrowatch.episodes e WHERE e.episode_id = of_episode FOR UPDATE;
    IF NOT FOUND OR was.version <> expected THEN
        RETURN NULL;
    END IF;
    IF new_state <> was.state AND (new_state NOT IN ('open', 'stale', 'acknowledged', 'snoozed', 'dismissed')
            OR was.state IN ('resolved', 'retracted', 'closed')) THEN
        RAISE EXCEPTION 'nephrowatch.act: nobody takes an episode from % to %', was.state, new_state;
    END IF;
    IF new_state = 'dismissed' AND was.severity = 'CRITICAL' THEN
        RAISE EXCEPTION 'nephrowatch.act: a CRITICAL episode is not dismissed';
    END IF;
    IF change_kind NOT IN ('taken', 'released', 'acknowledged', 'unacknowledged', 'snoozed', 'dismissed', 'outcome') THEN
        RAISE EXCEPTION 'nephrowatch.act: % is no change a person makes', change_kind;
    END IF;
    UPDATE nephrowatch.episodes e SET state = new_state, version = e.version + 1 WHERE e.episode_id = of_episode;
    INSERT INTO nephrowatch.changes (episode_id, seq, night, kind, reason, sentence, from_state, to_state, severity, limbs,
                                     recorded_at)
    VALUES (of_episode, expected + 1, on_night, change_kind, because, says, was.state, new_state, was.severity,
            (SELECT coalesce(jsonb_object_agg(l.rule, jsonb_build_object('outcome', l.outcome, 'severity', l.severity,
                        'reason', l.reason, 'evidence', l.evidence, 'listed', l.listed)), '{}')
               FROM nephrowatch.limbs l WHERE l.episode_id = of_episode), at);
    INSERT INTO nephrowatch.human_actions (episode_id, seq, evidence_seq, action, outcome, actor, actor_name, role, reason,
                                           until, severity, basis, source, recorded_at)
    VALUES (of_episode, expected + 1, nephrowatch.evidence_of(of_episode), what, said, by_key, by_name, by_role, why,
            until_day, was.severity, nephrowatch.basis_of(of_episode), via, at);
    RETURN expected + 1;
END
$$;

-- A person opened the evidence as it stands; false where that person had already.
CREATE FUNCTION nephrowatch.opened(of_episode bigint, at timestamptz, by_key text, by_name text, by_role text, via text)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    INSERT INTO nephrowatch.human_actions (episode_id, evidence_seq, action, actor, actor_name, role, severity, basis,
                                           source, recorded_at)
    SELECT e.episode_id, nephrowatch.evidence_of(e.episode_id), 'opened', by_key, by_name, by_role, e.severity,
           nephrowatch.basis_of(e.episode_id), via, at
    FROM nephrowatch.episodes e WHERE e.episode_id = of_episode
    ON CONFLICT (episode_id, evidence_seq, actor) WHERE action = 'opened' DO NOTHING;
    RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION nephrowatch.opened(bigint, timestamptz, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.opened(bigint, timestamptz, text, text, text, text)
    TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_delivery;
REVOKE ALL ON FUNCTION nephrowatch.act(bigint, bigint, date, timestamptz, text, text, text, text, text, text, text, text,
    text, date, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.act(bigint, bigint, date, timestamptz, text, text, text, text, text, text, text, text,
    text, date, text, text) TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_delivery;
GRANT SELECT ON nephrowatch.human_actions
    TO nephrowatch_pipeline, nephrowatch_web, nephrowatch_delivery, nephrowatch_reader;
GRANT INSERT ON nephrowatch.outbox TO nephrowatch_web;
SET LOCAL ROLE nephrowatch_ledger;
GRANT EXECUTE ON FUNCTION history.append(text[], text[]) TO nephrowatch_web;
RESET ROLE;
