-- What the server is and how it was set up; any login may ask.
SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
    current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    current_setting('max_connections')::int AS max_connections, clock_timestamp() AS now
