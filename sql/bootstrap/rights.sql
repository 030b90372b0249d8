-- Who may do what in this database as a whole; the tables' own rights are in the migrations.
-- Run by the owner of the database, connected to it. Running it again changes nothing.
DO $$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO nephrowatch_migrator, nephrowatch_pipeline,
        nephrowatch_delivery, nephrowatch_web, nephrowatch_reader, nephrowatch_pages', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO nephrowatch_migrator', current_database());
    -- Loading goes through temporary tables.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO nephrowatch_pipeline', current_database());
END
$$;
