-- The roles of Nephrowatch: logins without a password yet, and the owner of the ledger, as whom nobody logs in.
-- Run by a login that may create roles. Running it again changes nothing.
DO $$
DECLARE
    login text;
BEGIN
    FOREACH login IN ARRAY ARRAY['nephrowatch_migrator', 'nephrowatch_pipeline', 'nephrowatch_delivery',
                                 'nephrowatch_web', 'nephrowatch_reader',
                                 'nephrowatch_pages'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', login);
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'nephrowatch_ledger') THEN
        CREATE ROLE nephrowatch_ledger NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    -- Only the migrator may become the owner, on purpose and by name (SET ROLE): it inherits nothing from it.
    GRANT nephrowatch_ledger TO nephrowatch_migrator WITH INHERIT FALSE, SET TRUE;
END
$$;
