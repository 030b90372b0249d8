-- What became of a message is what became of those it tells of; one that arrived stays arrived.
UPDATE nephrowatch.outbox SET state = :state WHERE bundled_in = :bundle AND state <> 'delivered'
