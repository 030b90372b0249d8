SELECT row_no FROM fates WHERE fate = 'new' ORDER BY row_no
