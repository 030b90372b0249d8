-- What was answered to a press before.
SELECT p.outcome, p.sentence FROM nephrowatch.presses p WHERE p.press_key = :key
