"""Addresses of other servers that secrets may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_protected(address: str) -> bool:
    """Whether what is sent there is read by nobody else: https, or this machine's loopback."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"
