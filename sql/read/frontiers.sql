SELECT unit, judged_through FROM nephrowatch.units
