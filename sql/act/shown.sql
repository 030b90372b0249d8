-- Was an episode's evidence, as it stands now, shown with details in a channel, on a card no older than change :seq?
SELECT nephrowatch.evidence_of(:episode_id) <= :seq AND EXISTS (
    SELECT FROM nephrowatch.outbox o JOIN nephrowatch.attempts a USING (outbox_id)
    WHERE o.episode_id = :episode_id AND o.state = 'delivered' AND o.receipt ->> 'channel' = :channel
      AND a.outcome = 'delivered' AND CAST(a.detail ->> 'evidence' AS integer) = nephrowatch.evidence_of(:episode_id)) AS shown
