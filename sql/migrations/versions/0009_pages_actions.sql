-- The pages show what people did, of the units their viewer sees. Run as nephrowatch_migrator.
ALTER TABLE nephrowatch.human_actions ENABLE ROW LEVEL SECURITY;
CREATE POLICY stages ON nephrowatch.human_actions
    TO nephrowatch_pipeline, nephrowatch_delivery, nephrowatch_web, nephrowatch_reader USING (true) WITH CHECK (true);
CREATE POLICY own_units ON nephrowatch.human_actions FOR SELECT TO nephrowatch_pages
    USING (EXISTS (SELECT FROM nephrowatch.episodes e WHERE e.episode_id = human_actions.episode_id));
GRANT SELECT ON nephrowatch.human_actions TO nephrowatch_pages;
