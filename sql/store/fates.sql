-- What becomes of each row: new, same (an earlier reading of this very row stored it), known.
CREATE TEMP TABLE fates (row_no bigint PRIMARY KEY, fate text NOT NULL, is_again boolean NOT NULL) ON COMMIT DROP
