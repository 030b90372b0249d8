"""Feeds: where files come from, and what their rows mean."""

import logging

# At DEBUG these write paths and requests, and the name of a file may hold a patient's number.
for _chatty in ("fsspec", "httpx", "httpcore", "paramiko"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)
