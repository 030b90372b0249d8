-- Ids of the rows to be inserted: those of the whole file are counted in its order, without a gap (the batch is locked).
CREATE TEMP TABLE numbered (row_no bigint PRIMARY KEY, id bigint NOT NULL) ON COMMIT DROP
