"""The code of a chatflow is read on its page, and approved there by who may do everything."""

from tests.pages.reading import browse, words
from tests.support.flows import coding, make_chatflow
from tests.support.people import person
from tests.support.server import Api, Running


def test_an_owner_reads_code_and_approves_what_was_shown(server: Running, owner: Api) -> None:
    """Given code that nobody approved, its page shows it; what has changed since is not approved."""
    flow = owner.post(
        "/chatflows?approve=false", json={"name": "Coded", "flowData": coding("return 'seen'")}
    ).json()
    at, code = f"/chatflows/{flow['id']}", f"/chatflows/{flow['id']}/code"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with browse(person(server), **form) as browser:
        assert code in browser.get(at).text
        shown = browser.get(code)
        assert "return 'seen'" in words(shown)
        assert "Not approved" in words(shown)
        (piece,) = owner.get(code).json()
        assert piece["digest"] in shown.text
        assert browser.post(code, data={"digests": "0" * 64}).status_code == 422
        assert not owner.get(code).json()[0]["approved"]
        assert browser.post(code, data={"digests": piece["digest"]}).status_code in {200, 303}
        assert owner.get(code).json()[0]["approved"]
        browser.post(code, data={"digests": piece["digest"], "withdraw": "yes"})
        assert not owner.get(code).json()[0]["approved"]
    with browse(person(server, "viewer"), **form) as browser:
        assert "An owner reads the code" in words(browser.get(code))
        assert browser.post(code, data={"digests": piece["digest"]}).status_code == 403
    plain = make_chatflow(owner)
    with browse(person(server), **form) as browser:
        assert "runs no code" in words(browser.get(f"/chatflows/{plain['id']}/code"))
        assert f"{plain['id']}/code" not in browser.get(f"/chatflows/{plain['id']}").text
