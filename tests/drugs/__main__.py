"""`python -m tests.drugs`: precision and recall of every drug class on the real lists, and each name that went wrong."""

from __future__ import annotations

from monitors import config
from tests.drugs.measure import classes_by, labels, measure, names, table
from tests.site import REPOSITORY

drugs = config.load(REPOSITORY / "config").drugs
given = names()
measured = measure(given, labels(), classes_by(drugs), drugs.classes)
print(f"{len(given)} distinct names")
print(table(measured))
for name, one in measured.items():
    for kind in ("wrong", "missed"):
        for text in getattr(one, kind):
            print(f"{kind} {name}: {text}")
