"""`nephrowatch doctor`: is this installation fit to watch over anybody? Looks, says what to do, changes nothing.

    look    settings, configuration and database of this process, as far as each can be opened
    checks  machine.py (files, disk, secrets)  server.py (logins, schema, guards, clocks)  work.py (nights, messages, feeds)
            reach.py (destinations and heartbeat, over the network)
    finding one sentence of what was found, and one of what to do

A check that needs what could not be opened says nothing: the fault is named once, where it is.
"""

from __future__ import annotations

from monitors.doctor.examine import examine
from monitors.doctor.findings import Finding, Look, State

__all__ = ["Finding", "Look", "State", "examine"]
