"""The console of a local city, and the codes with which people sign in to it for the first time."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway.client import Profile
from gateway.doors.cli.processes import ChildFailed, Children
from gateway.doors.cli.show import Screen

CODE_SECONDS = 600
_ANSWER_SECONDS_MAX = 30
_ADDRESS = "127.0.0.1"


class NoCode(Exception):
    """The console gave no code; the text says why, in both languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode:
    """What somebody types on the console's sign-in page."""

    name: str
    """Of the requester, as the directory has it."""
    code: str
    seconds: int
    """How long it holds."""


def port_is_free(port: int) -> bool:
    """Tell whether a console may listen on a port of loopback."""
    try:
        with socket.create_server((_ADDRESS, port)):
            return True
    except OSError:
        return False


def say_port_taken(screen: Screen, port: int) -> None:
    """Tell that another program listens on the console's port, and what to do."""
    screen.say(
        f"✗ 端口 {port} 已被别的程序占用，控制台无法使用。请停止该程序，或换一个端口，例如 {port + 1}。",
        f"✗ port {port} is taken by another program. Stop that, or give the console another port, such as {port + 1}.",
    )


def start_console(data: Path, *, gateway: str, port: int, children: Children) -> str:
    """Start a console before a local city and return its address when it answers.

    Args:
        data: Directory of everything the city writes.
        gateway: `grpc://host:port`.
        port: Free, on loopback.
        children: That end with the city.

    Raises:
        ChildFailed: It did not come up.
    """
    config = data / "console.toml"
    lines = {"listen": f"{_ADDRESS}:{port}", "gateway": gateway, "directory": "console"}
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items()), "utf-8")
    children.start("console", [sys.executable, "-m", "gateway.doors.console", str(config)])
    return children.wait_for("console", "READY", seconds_max=60).removeprefix("READY ")


def codes_for(profiles: Iterable[Path], *, console: str) -> list[OneTimeCode]:
    """Return a code for each profile, in their order.

    Raises:
        ChildFailed: The console gave none.
    """
    try:
        return [one_time_code(Profile.load(file), console=console, seconds=CODE_SECONDS) for file in profiles]
    except NoCode as error:
        raise ChildFailed(str(error)) from error


def one_time_code(profile: Profile, *, console: str, seconds: int | None = None) -> OneTimeCode:
    """Ask the console on this machine for a code with which the profile's recipient signs in once.

    Args:
        profile: Whose token is sent to the console.
        console: Its address, on loopback: a token is sent nowhere else.
        seconds: How long the code should hold; None for as long as the console thinks right.

    Raises:
        NoCode: The address is not this machine's, nobody answers there, or the gateway does not accept the token.
    """
    try:
        address = httpx.URL(console)
        if address.host not in {_ADDRESS, "localhost", "::1"}:
            raise NoCode("控制台须在本机 / the console has to be on this machine: --console http://127.0.0.1:8816")
        answer = httpx.post(
            address.join("/login/codes"),
            headers={"Authorization": f"Bearer {profile.token}"},
            data={"seconds": str(seconds)} if seconds else {},
            timeout=_ANSWER_SECONDS_MAX,
            trust_env=False,
        )
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NoCode(
            f"{console} 没有控制台应答，请先运行 gateway console。"
            f" / No console answers at {console}; run 'gateway console' first."
        ) from error
    if "code" not in found:
        raise NoCode(f"{found.get('zh', '')} / {found.get('en', found.get('error', ''))}")
    return OneTimeCode(name=found["name"], code=found["code"], seconds=found["seconds"])
