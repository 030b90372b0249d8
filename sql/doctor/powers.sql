-- Logins of ours that may do more than they were made for: above every right, past row-level security, or as the ledger's owner.
SELECT r.rolname AS login,
    CASE WHEN r.rolsuper THEN 'is a superuser'
         WHEN r.rolbypassrls THEN 'passes row-level security by'
         WHEN r.rolcreaterole THEN 'may make roles'
         ELSE 'may act as the owner of the ledger' END AS may
FROM pg_roles r
WHERE r.rolname LIKE 'nephrowatch\_%' AND r.rolname <> 'nephrowatch_ledger'
    AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
         OR (r.rolname <> 'nephrowatch_migrator' AND pg_has_role(r.rolname, 'nephrowatch_ledger', 'MEMBER')))
ORDER BY r.rolname
