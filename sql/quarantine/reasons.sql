SELECT reason FROM nephrowatch.quarantine UNION SELECT reason FROM nephrowatch.files WHERE reason IS NOT NULL
