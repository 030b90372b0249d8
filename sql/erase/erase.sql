SELECT nephrowatch.erase(:patient, :actor, :reason, :now)
