INSERT INTO nephrowatch.sites (site, body, first_used) VALUES (:site, :body, :now)
ON CONFLICT (site) DO NOTHING
