"""Signing in with a profile."""

from __future__ import annotations

from tests.browser.conftest import SignIn


def test_a_clerk_signs_in_with_a_profile(signed_in: SignIn) -> None:
    """The name and office of the directory stand at the top."""
    page = signed_in("nanjing-east-road")
    assert "南京东路街道" in page.inner_text("header")
