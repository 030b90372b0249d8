-- Catalogue only, so that it answers before there is a schema, and to a login that may not look into it.
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'nephrowatch' AND c.relname = 'alembic_version' AND has_table_privilege(c.oid, 'SELECT')
)
