"""What was used once is refused while it could still be used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from connectors.sdk.replay import ReplayGuard


def test_a_key_serves_once_until_it_expires() -> None:
    """Afterwards the grant itself has expired, and the memory is free."""
    guard = ReplayGuard()
    assert guard.admit(b"a", expires_at=10, now=0)
    assert not guard.admit(b"a", expires_at=20, now=9)
    assert guard.admit(b"a", expires_at=20, now=10)


def test_one_known_key_refuses_all_and_remembers_none() -> None:
    """A replay cannot use up other keys."""
    guard = ReplayGuard()
    assert guard.admit(b"a", b"b", expires_at=10, now=0)
    assert not guard.admit(b"c", b"b", expires_at=10, now=0)
    assert guard.admit(b"c", expires_at=10, now=0)


def test_a_full_memory_refuses_instead_of_forgetting() -> None:
    """Forgetting early would let a replay through."""
    guard = ReplayGuard(keys_max=2)
    assert guard.admit(b"a", b"b", expires_at=10, now=0)
    assert not guard.admit(b"c", expires_at=10, now=0)
    assert not guard.admit(b"a", expires_at=10, now=0)
    assert guard.admit(b"c", expires_at=20, now=10)


def test_of_many_threads_one_wins() -> None:
    """The check and the memory are one step."""
    guard = ReplayGuard()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: guard.admit(b"a", expires_at=10, now=0), range(200)))
    assert answers.count(True) == 1
