SELECT row_no, 'identity_mismatch' AS reason, sentence, remedy FROM refused ORDER BY row_no
