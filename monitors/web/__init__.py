"""The pages: who needs a look and why, for care team, engineers and auditors. See docs/web.md."""
