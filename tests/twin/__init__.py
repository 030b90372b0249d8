"""The plain twin: the catalogue judged once more, a patient and a row at a time, slow and obvious.

It is written from the clinical pages and shares nothing with the engine but the rule files, which are data. Where the two
differ, the clinical pages decide which is wrong. `python -m tests.twin --patients 100000 --seed 1` holds them against each
other on made-up patients.
"""
