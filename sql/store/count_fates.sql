SELECT fate, count(*) AS rows FROM fates GROUP BY fate
