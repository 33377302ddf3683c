"""A client with the old token of a key that was rotated hears of it, through each ready configuration."""

from tests.proxies.conftest import World
from tests.proxies.programs import Proxy
from tests.proxies.wire import call


def test_who_calls_with_an_old_token_is_told(proxy: Proxy, world: World) -> None:
    """The application's answer has `Deprecation` and `Sunset`, once each, and a client cannot write them."""
    key = world.new_key("rotated")
    made = world.owner.post(f"/apikey/{key['id']}/rotate", json={"graceSeconds": 3600}).json()
    forged = ("X-Auth-Deprecation: @1", "X-Auth-Sunset: x", "Deprecation: @1")
    old = call(proxy.port, "/", f"Authorization: Bearer {key['apiKey']}", *forged)
    assert old.status == 200
    (deprecation,), (sunset,) = old.all("deprecation"), old.all("sunset")
    assert deprecation != "@1"
    assert sunset.endswith(" GMT")
    new = call(proxy.port, "/", f"Authorization: Bearer {made['apiKey']}", *forged)
    assert new.status == 200
    assert (new.all("deprecation"), new.all("sunset")) == ([], [])
