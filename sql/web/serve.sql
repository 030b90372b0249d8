-- For this transaction alone: the units the reader may see ('*' every one).
SELECT set_config('nephrowatch.units', :units, true)
