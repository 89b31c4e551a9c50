"""Requests as a client sends them, and what its files say."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


def auth_of(state_dir: Path) -> dict[str, str]:
    clouds = yaml.safe_load((state_dir / "clouds.yaml").read_text())
    found: dict[str, str] = clouds["clouds"]["pumice"]["auth"]
    return found


def ask(method: str, url: str, body: Any = None, token: str = "") -> tuple[int, Any, str]:
    """Status, body and subject token of one request."""
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc)) as connection:
        headers = {"Content-Type": "application/json", "X-Auth-Token": token}
        sent = None if body is None else json.dumps(body)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, sent, headers)
        answer = connection.getresponse()
        content = answer.read()
    found = json.loads(content) if content else None
    return answer.status, found, answer.headers.get("X-Subject-Token", "")


def log_in(url: str, password: str, name: str = "admin", domain: str = "default") -> str:
    """A token of the user; empty if he gets none."""
    user = {"name": name, "domain": {"id": domain}, "password": password}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    if name == "admin":
        auth["scope"] = {"project": {"name": "admin", "domain": {"id": "default"}}}
    return ask("POST", f"{url}/auth/tokens", {"auth": auth})[2]


def is_valid(url: str, token: str) -> bool:
    return ask("GET", f"{url}/auth/projects", token=token)[0] == 200
