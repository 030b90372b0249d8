DELETE FROM keyed WHERE row_no = ANY (:rows)
