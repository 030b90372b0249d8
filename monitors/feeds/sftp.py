"""SFTP through fsspec, but only to a server that is known: fsspec alone would trust whoever answers."""

from __future__ import annotations

from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from paramiko.hostkeys import HostKeyEntry


class KnownHostsSFTP(SFTPFileSystem):  # type: ignore[misc]
    """host_key: the server's public key as in a known_hosts file (`ssh-ed25519 AAAA...`); without it the server must
    stand in the known_hosts of the account that runs this. Other options: as paramiko's SSHClient.connect."""

    def __init__(self, host: str, host_key: str = "", **options: Any) -> None:
        self.host_key = host_key
        super().__init__(host, **{"look_for_keys": False, "allow_agent": False, "timeout": 30, **options})

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        port = int(self.ssh_kwargs.get("port") or paramiko.config.SSH_PORT)
        known_as = self.host if port == paramiko.config.SSH_PORT else f"[{self.host}]:{port}"
        if self.host_key:
            entry = HostKeyEntry.from_line(f"{known_as} {self.host_key}")
            if entry is None or entry.key is None:
                raise ValueError("storage.options.host_key is no public key, like ssh-ed25519 AAAA...")
            self.client.get_host_keys().add(known_as, entry.key.get_name(), entry.key)
        else:
            self.client.load_system_host_keys()
        self.client.connect(self.host, **self.ssh_kwargs)
        self.ftp = self.client.open_sftp()
