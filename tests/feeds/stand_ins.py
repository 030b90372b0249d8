"""Servers a feed may live on, for tests: an S3 and an SFTP server on this machine's loopback."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import paramiko
from moto.server import ThreadedMotoServer

USER, PASSWORD = "feeds", "not-a-secret"
S3 = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[tuple[str, Any]]:
    """(address, client) of an S3 server with the bucket `inbox`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client("s3", endpoint_url=address, **S3)
    try:
        client.create_bucket(Bucket="inbox")
        yield address, client
    finally:
        client.close()
        server.stop()


@dataclass(frozen=True)
class SFTP:
    """Where an SFTP server listens and the line of known_hosts that knows it."""

    port: int
    host_key: str


@contextmanager
def sftp_server(root: Path) -> Iterator[SFTP]:
    """An SFTP server that shows `root`, read only."""
    key = paramiko.ECDSAKey.generate()
    listening = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, root=root)
            transports.append(transport)
            try:
                transport.start_server(server=_Door())
            except (paramiko.SSHException, EOFError):
                transport.close()  # whoever knocked did not come in

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield SFTP(listening.getsockname()[1], f"{key.get_name()} {key.get_base64()}")
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
        for transport in transports:
            transport.close()
            transport.join(5)


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: Any, *, root: Path) -> None:
        self.root = root

    def _real(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _told(self, stat: Any, name: str | None = None) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(stat, name)

    def list_folder(self, path: str) -> Any:
        try:
            return [self._told(entry.stat(follow_symlinks=False), entry.name) for entry in os.scandir(self._real(path))]
        except OSError as problem:
            return paramiko.SFTPServer.convert_errno(problem.errno or 0)

    def stat(self, path: str) -> Any:
        try:
            return self._told(self._real(path).stat())
        except OSError as problem:
            return paramiko.SFTPServer.convert_errno(problem.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        try:
            handle.readfile = self._real(path).open("rb")
        except OSError as problem:
            return paramiko.SFTPServer.convert_errno(problem.errno or 0)
        return handle
