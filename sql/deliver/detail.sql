-- What a claimed message may show of its patient: null where no leave holds for its destination at this place and instant.
SELECT nephrowatch.detail_of(:outbox_id, :now, :place)
