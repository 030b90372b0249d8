ANALYZE people
