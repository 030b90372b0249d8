DELETE FROM keyed k USING refused r WHERE r.row_no = k.row_no
