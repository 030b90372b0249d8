SELECT reference, body FROM nephrowatch.fhir_resources WHERE feed = :feed AND reference = ANY (:references)
