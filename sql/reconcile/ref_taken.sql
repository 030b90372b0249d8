SELECT EXISTS (SELECT FROM nephrowatch.episodes WHERE ref = :ref)
