"""Who asks: signed cookies, API tokens, logins and one-time links; nothing that a client can make up counts."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from pipelines.errors.access import NotFound
from pipelines.errors.storage import ReadOnlyHome
from studio.identity import GUEST, Identity


def asking(identity: Identity, owner: str | None = None, **headers: str) -> Request:
    if owner:
        headers["cookie"] = pair(identity, owner)
    return Request({"type": "http", "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]})


def pair(identity: Identity, owner: str) -> str:
    return identity.cookie(owner, is_https=False, is_framed=False).partition(";")[0]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("home"))


def test_a_cookie_names_its_owner_again(identity: Identity) -> None:
    one, two = identity.new_visitor(), identity.new_visitor()
    assert one != two
    assert identity.who(asking(identity, one)) == one
    assert identity.who(asking(identity)) == GUEST


def test_the_key_outlives_the_process_and_is_private(tmp_path: Path) -> None:
    first = Identity(tmp_path / "new" / "home")
    owner = first.new_visitor()
    again = Identity(tmp_path / "new" / "home")
    assert again.who(asking(first, owner)) == owner
    key = tmp_path / "new" / "home" / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in key.parent.iterdir()] == ["secret.key"]


def test_another_home_does_not_know_the_cookie(identity: Identity, tmp_path: Path) -> None:
    other = Identity(tmp_path)
    assert other.who(asking(identity, identity.new_visitor())) == GUEST
    assert other.cookie_name != identity.cookie_name
    value = pair(identity, identity.new_visitor()).partition("=")[2]
    assert other.who(asking(other, cookie=f"{other.cookie_name}={value}")) == GUEST


@given(st.data())
def test_a_changed_cookie_is_nobodys(identity: Identity, data: st.DataObject) -> None:
    name, _, value = pair(identity, identity.new_visitor()).partition("=")
    place = data.draw(st.integers(0, len(value) - 2))  # the last character carries bits that base64 leaves unused
    letter = data.draw(st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyzABC.-_"))
    changed = value[:place] + letter + value[place + 1 :]
    who = identity.who(asking(identity, cookie=f"{name}={changed}"))
    assert who == (f"visitor:{value.partition('.')[0]}" if changed == value else GUEST)


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_odd_cookies_of_others_do_no_harm(identity: Identity, noise: str) -> None:
    owner = identity.new_visitor()
    header = f"{noise.replace(';', '')}; {pair(identity, owner)}; a[b]={{1}}"
    assert identity.who(asking(identity, cookie=header)) == owner


def test_the_cookie_is_closed_to_scripts_and_other_sites(identity: Identity) -> None:
    owner = identity.new_visitor()
    local = identity.cookie(owner, is_https=False, is_framed=True)
    assert "HttpOnly" in local and "SameSite=Lax" in local and "Secure" not in local and "Path=/" in local
    proxied = identity.cookie(owner, is_https=True, is_framed=False)
    assert "SameSite=Lax; Secure" in proxied
    space = identity.cookie(owner, is_https=True, is_framed=True)
    assert "SameSite=None; Secure; Partitioned" in space and "HttpOnly" in space


def test_an_api_token_stands_for_its_owner(identity: Identity) -> None:
    owner = identity.new_visitor()
    token = identity.api_token(owner)
    assert identity.who(asking(identity, authorization=f"Bearer {token}")) == owner
    assert identity.who(asking(identity, authorization=f"bearer  {token}")) == owner
    for wrong in (f"Bearer {token[:-3]}xyz", f"Basic {token}", "Bearer hf_abcdef", "Bearer", "", "Bearer ü"):
        assert identity.who(asking(identity, authorization=wrong)) == GUEST
    cookie_value = pair(identity, owner).partition("=")[2]
    assert identity.who(asking(identity, authorization=f"Bearer {cookie_value}")) == GUEST


def test_while_a_login_is_asked_for_only_logins_count(tmp_path: Path) -> None:
    identity = Identity(tmp_path, [("alice", "a"), ("bob", "b")])
    visitor = identity.new_visitor()
    assert identity.who(asking(identity, visitor)) == GUEST
    assert identity.who(asking(identity, authorization=f"Bearer {identity.api_token(visitor)}")) == GUEST
    token = identity.api_token("login:alice")
    assert identity.who(asking(identity, authorization=f"Bearer {token}")) == "login:alice"
    assert Identity(tmp_path, [("bob", "b")]).who(asking(identity, authorization=f"Bearer {token}")) == GUEST
    assert Identity(tmp_path).who(asking(identity, authorization=f"Bearer {token}")) == GUEST


def test_a_link_works_once_and_for_ten_minutes(tmp_path: Path) -> None:
    now = [0.0]
    identity = Identity(tmp_path, clock=lambda: now[0])
    owner = identity.new_visitor()
    used = identity.link_token(owner)
    assert identity.redeem(used) == owner
    with pytest.raises(NotFound):
        identity.redeem(used)
    late = identity.link_token(owner)
    now[0] = 601.0
    with pytest.raises(NotFound):
        identity.redeem(late)
    with pytest.raises(NotFound):
        identity.redeem("")


def test_a_damaged_key_is_never_signed_with(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"")
    Identity(tmp_path)
    assert len((tmp_path / "secret.key").read_bytes()) == 32


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_home_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ReadOnlyHome):
        Identity(tmp_path)
