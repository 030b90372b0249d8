-- One press on a card, with what became of it.
INSERT INTO nephrowatch.presses (press_key, envelope_id, slack_user, channel, action, ref, actor, outcome, sentence, recorded_at)
VALUES (:key, :envelope_id, :slack_user, :channel, :action, :ref, :actor, :outcome, :sentence, :now)
