"""Local stand-ins for Slack's Web API and an SMTP server: for the demo, and as the oracle of the tests.

Each keeps what it *accepted*, so that what arrived can be compared with what the outbox believes. Faults
are asked for by name, one message each: `slack.fault("accept_then_drop")`.

    python -m monitors.demo.standins [--slack-port N] [--smtp-port N] [--ledger messages.jsonl] [--faults a,b]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from monitors.demo import smtp_standin
from monitors.demo.slack_standin import SlackStandIn
from monitors.demo.smtp_standin import SmtpStandIn


def main(arguments: list[str] | None = None) -> None:
    """Run both until standard input closes. The first line printed is a JSON object with their addresses."""
    parser = argparse.ArgumentParser(prog="python -m monitors.demo.standins", description=main.__doc__)
    parser.add_argument("--slack-port", type=int, default=0)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, help="file that gets one JSON line for each accepted message")
    parser.add_argument("--faults", default="", help="faults for the first messages, separated by commas")
    chosen = parser.parse_args(arguments)
    ports, ledger = (chosen.slack_port, chosen.smtp_port), chosen.ledger
    with SlackStandIn(ports[0], ledger) as slack, SmtpStandIn(ports[1], ledger) as smtp:
        for fault in filter(None, chosen.faults.split(",")):
            (smtp if fault in smtp_standin.FAULTS else slack).fault(fault)
        print(json.dumps({"slack": slack.api_url, "smtp_port": smtp.port}), flush=True)
        sys.stdin.read()


__all__ = ["SlackStandIn", "SmtpStandIn", "main"]

if __name__ == "__main__":
    main()
