-- Keys of those whom the reader may mean.
SELECT nephrowatch.actors_like(:actor) AS actors
