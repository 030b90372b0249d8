-- For this transaction alone: the units the reader may see ('*' every one); and that a statement is planned for what is asked now:
-- one plan for every search of the history would suit none.
SELECT set_config('nephrowatch.units', :units, true), set_config('plan_cache_mode', 'force_custom_plan', true)
