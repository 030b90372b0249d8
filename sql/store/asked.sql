-- The keys of a file's results, before anything else of them. place: in the file's rows.
CREATE TEMP TABLE asked (place integer NOT NULL, person integer NOT NULL, result_key uuid NOT NULL, content_key uuid NOT NULL)
ON COMMIT DROP
