-- What keeps the ledger append-only and is not there: tables without an enabled trigger, and logins that may write to one.
SELECT c.relname AS name, 'has no working trigger against changes' AS what
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'history' AND c.relname IN ('ledger', 'bodies')
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A'))
UNION ALL
SELECT c.relname, 'has a trigger that is switched off: ' || t.tgname
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'history' AND NOT t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
UNION ALL
SELECT c.relname, 'may be written to by ' || r.rolname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r
WHERE n.nspname = 'history' AND c.relname IN ('ledger', 'bodies') AND r.rolname LIKE 'nephrowatch\_%'
    AND r.rolname NOT IN ('nephrowatch_ledger', 'nephrowatch_migrator') AND NOT r.rolsuper
    AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
ORDER BY 1, 2
