-- Rows whose key occurs more than once in the file. first_copy: the first of equal rows; version: place among the
-- rows of the key.
CREATE TEMP TABLE repeated (row_no bigint PRIMARY KEY, first_copy bigint NOT NULL, version bigint NOT NULL) ON COMMIT DROP
