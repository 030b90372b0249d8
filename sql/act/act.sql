-- The new version, null where somebody else was first.
SELECT nephrowatch.act(:episode_id, :version, :night, :now, :action, :kind, :because, :sentence, :to_state, :actor,
                       :actor_name, :role, :reason, :until, :outcome, :source) AS version
