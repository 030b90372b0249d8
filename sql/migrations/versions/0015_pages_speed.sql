-- What the pages ask for over ten years of history. Run as nephrowatch_migrator.

-- The units of a transaction are read once a statement (a subquery of its own), not once a row: as a function with a search
-- path of its own, asked for each of 80,000 episodes, this took most of a page's time.
-- Who may see every unit is not asked about each row.
DO $$
DECLARE
    guarded record;
    every constant text := '(SELECT current_setting(''nephrowatch.units'', true)) = ''*''';
    own constant text := ' = ANY ((SELECT string_to_array(current_setting(''nephrowatch.units'', true), '',''))::text[])';
BEGIN
    FOR guarded IN SELECT * FROM (VALUES
        ('episodes', 'unit' || own), ('outbox', 'coalesce(unit, '''')' || own), ('findings', 'unit' || own),
        ('standings', 'unit' || own), ('finding_counts', 'unit' || own),
        ('limbs', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = limbs.episode_id)'),
        ('changes', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = changes.episode_id)'),
        ('told', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = told.episode_id)'),
        ('human_actions', 'EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = human_actions.episode_id)'),
        ('attempts', 'EXISTS (SELECT FROM nephrowatch.outbox o WHERE o.outbox_id = attempts.outbox_id)'),
        ('subjects', 'nephrowatch.unit_of(nephrowatch.patient_of(subject_id))' || own),
        ('medications', 'nephrowatch.unit_of(nephrowatch.patient_of(subject_id))' || own),
        ('census', 'nephrowatch.unit_of(nephrowatch.patient_of(subject_id))' || own)
    ) AS t (name, visible) LOOP
        EXECUTE format('ALTER POLICY own_units ON nephrowatch.%I USING (%s OR %s)', guarded.name, every, guarded.visible);
    END LOOP;
END
$$;

-- History: newest first, and on from where the page before ended.
DROP INDEX nephrowatch.changes_by_time;
CREATE INDEX changes_by_time ON nephrowatch.changes (recorded_at DESC, episode_id DESC, seq DESC);
CREATE INDEX changes_by_state ON nephrowatch.changes (to_state, recorded_at DESC, episode_id DESC, seq DESC);
CREATE INDEX changes_by_severity ON nephrowatch.changes (severity, recorded_at DESC, episode_id DESC, seq DESC);
CREATE INDEX changes_withheld ON nephrowatch.changes (recorded_at DESC, episode_id DESC, seq DESC) WHERE withheld <> '[]';
CREATE INDEX changes_by_people ON nephrowatch.changes (recorded_at DESC, episode_id DESC, seq DESC) WHERE judgement_id IS NULL;
CREATE INDEX limbs_by_rule ON nephrowatch.limbs (rule, episode_id);
CREATE INDEX human_actions_by_actor ON nephrowatch.human_actions (actor, actor_name, role);
CREATE INDEX human_actions_of_change ON nephrowatch.human_actions (episode_id, seq);
CREATE INDEX episodes_of_any_unit ON nephrowatch.episodes (unit, episode_id);

-- Morning: what was not assessed in one judgement of thousands.
CREATE INDEX finding_counts_of_judgement ON nephrowatch.finding_counts (judgement_id, outcome);
CREATE INDEX judgements_decided ON nephrowatch.judgements (judgement_id) WHERE live AND reconciled_at IS NOT NULL;

-- Feeds: what is still set aside, without counting all that ever was.
CREATE VIEW nephrowatch.open_counts AS
SELECT f.feed, q.kind, q.reason, count(*) AS rows, max(f.received_at) AS last_received
FROM nephrowatch.quarantine q JOIN nephrowatch.files f USING (file_id)
WHERE NOT EXISTS (SELECT FROM nephrowatch.quarantine_ends e WHERE e.quarantine_id = q.quarantine_id)
GROUP BY f.feed, q.kind, q.reason;
GRANT SELECT ON nephrowatch.open_counts TO nephrowatch_pages;

-- Keys of everybody who ever acted and goes by these words, walked from one to the next by index: a few dozen among many acts.
CREATE FUNCTION nephrowatch.actors_like(words text) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS
$$
    WITH RECURSIVE known AS (
        (SELECT a.actor, a.actor_name, a.role FROM nephrowatch.human_actions a ORDER BY 1, 2, 3 LIMIT 1)
        UNION ALL
        SELECT n.actor, n.actor_name, n.role FROM known k CROSS JOIN LATERAL (
            SELECT a.actor, a.actor_name, a.role FROM nephrowatch.human_actions a
            WHERE (a.actor, a.actor_name, a.role) > (k.actor, k.actor_name, k.role) ORDER BY 1, 2, 3 LIMIT 1) n
    )
    SELECT coalesce(array_agg(DISTINCT k.actor), '{}') FROM known k
    WHERE strpos(lower(k.actor_name), lower(words)) > 0 OR lower(k.actor) = lower(words) OR lower(k.role) = lower(words)
$$;
REVOKE ALL ON FUNCTION nephrowatch.actors_like(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.actors_like(text) TO nephrowatch_pages;
