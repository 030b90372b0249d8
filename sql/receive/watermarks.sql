SELECT resource, read_to FROM nephrowatch.watermarks WHERE feed = :feed AND location = :location
