-- The newest version that an earlier reading of this file stored of each of its rows; empty at the first reading.
CREATE TEMP TABLE own_results (
    row_no bigint PRIMARY KEY, id bigint NOT NULL, result_key uuid NOT NULL, reads text NOT NULL
) ON COMMIT DROP
