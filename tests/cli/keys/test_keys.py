"""``flowkeys keys``, on a data directory and over HTTP."""

import re

import pytest

from flowkeys.domain.keys.token import Token
from tests.cli.conftest import Cli, Typed
from tests.support.server import Running

MASK = "fl-" + "•" * 18


def test_a_new_key_is_printed_once(cli: Cli, name: str) -> None:
    """Given `keys create --json`, the token is in the answer; given `keys show`, it is masked for ever."""
    made = cli("keys", "create", name, "--permission", "apikeys:view", "--note", "for CI", "--json").json
    assert Token.parse(made["apiKey"]) is not None
    assert made["permissions"] == ["apikeys:view"]
    assert made["note"] == "for CI"
    shown = cli("keys", "show", made["id"], "--json").json
    assert shown["apiKey"] == MASK + made["apiKey"][-4:]
    assert "apiSecret" not in shown


def test_for_people_only_the_token_goes_to_the_standard_output(cli: Cli, name: str) -> None:
    """Given `keys create > file`, the file holds the token alone; that it is shown once is said beside it."""
    result = cli("keys", "create", name)
    assert Token.parse(result.out.strip()) is not None
    assert "shown this once" in result.err


def test_both_ways_answer_alike(local: Cli, remote: Cli, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The JSON has the members of the API, whether it came over HTTP or not."""
    over_http = remote("keys", "create", name, "--json").json
    monkeypatch.delenv("FLOWKEYS_URL")
    assert local("keys", "create", name, "--json").json.keys() == over_http.keys()


def test_a_key_says_who_used_it_last(remote: Cli, server: Running, name: str) -> None:
    """When, where from and by what; and that it never was."""
    made = remote("keys", "create", name, "--json").json
    assert re.search(r"last used +never\n", remote("keys", "show", made["id"]).out)
    with server.api(made["apiKey"], **{"User-Agent": "billing/1.0"}) as api:
        assert api.get("/auth/verify").status_code == 200
    assert re.search(
        r"last used .* UTC from 127\.0\.0\.1, by billing/1\.0\n", remote("keys", "show", made["id"]).out
    )


def test_keys_are_listed_as_the_api_lists_them(cli: Cli, name: str) -> None:
    """Without a page the JSON is an array; with one it is the page and the number of all that match."""
    for number in range(3):
        cli("keys", "create", f"{name} {number}")
    found = cli("keys", "list", "--search", name, "--sort", "keyName", "--json").json
    assert [key["keyName"] for key in found] == [f"{name} {number}" for number in range(3)]
    page = cli("keys", "list", "--search", name, "--page", 2, "--limit", 2, "--json").json
    assert (page["total"], len(page["data"])) == (3, 1)


def test_a_table_for_people_cuts_nothing_where_no_terminal_is(cli: Cli, name: str) -> None:
    """Given `keys list | grep`, each key is one line with its whole id."""
    made = cli("keys", "create", name, "--json").json
    result = cli("keys", "list", "--search", name)
    (line,) = [line for line in result.out.splitlines() if name in line]
    assert made["id"] in line
    assert "\x1b" not in result.out
    assert made["apiKey"] not in result.out


def test_a_key_is_named_by_its_name(cli: Cli, name: str) -> None:
    """Given a name that one key has, it stands for the id, though longer names contain it."""
    made = cli("keys", "create", name, "--json").json
    cli("keys", "create", f"{name} too")
    assert cli("keys", "show", name, "--json").json["id"] == made["id"]


def test_an_ambiguous_name_lists_the_candidates(cli: Cli, name: str) -> None:
    """Given two keys of one name, nothing is guessed: both ids are shown."""
    ids = {cli("keys", "create", name, "--json").json["id"] for _ in range(2)}
    result = cli("keys", "disable", name)
    assert result.code == 4
    assert all(key_id in result.err for key_id in ids)
    assert {key["status"] for key in cli("keys", "list", "--search", name, "--json").json} == {"active"}


def test_a_revoked_namesake_is_not_in_the_way(cli: Cli, name: str) -> None:
    """Given a revoked key and its successor of the same name, the name means the successor."""
    cli("keys", "create", name)
    cli("keys", "revoke", name, "--yes")
    successor = cli("keys", "create", name, "--json").json
    assert cli("keys", "show", name, "--json").json["id"] == successor["id"]


@pytest.mark.parametrize("ref", ["no such key", "00000000-0000-4000-8000-000000000000"])
def test_an_unknown_key_is_not_found(cli: Cli, ref: str) -> None:
    """Exit code 4, one sentence, and the API's code for programs."""
    result = cli("keys", "show", ref)
    assert result.code == 4
    assert result.err.startswith("Error: ")
    assert cli("keys", "show", ref, "--json").failure["code"] == "not_found"


def test_an_update_changes_what_is_given_only(cli: Cli, name: str) -> None:
    """Given a new note, name, permissions and expiry stay."""
    made = cli("keys", "create", name, "--permission", "logs:view", "--expires-in", "90d", "--json").json
    changed = cli("keys", "update", made["id"], "--note", "new", "--json").json
    assert changed["note"] == "new"
    kept = ("keyName", "permissions", "expiresAt", "chatFlows")
    assert {member: changed[member] for member in kept} == {member: made[member] for member in kept}


def test_an_update_can_take_things_away(cli: Cli, name: str) -> None:
    """Given empty sets and --never-expires, the key holds nothing and lasts."""
    flow = cli("flows", "add", name, "--reply", "hi", "--json").json
    made = cli(
        "keys",
        "create",
        name,
        "--permission",
        "logs:view",
        "--chatflow",
        name,
        "--expires-in",
        "1h",
        "--json",
    ).json
    assert [bound["id"] for bound in made["chatFlows"]] == [flow["id"]]
    options = ("--permission", "", "--chatflow", "", "--never-expires")
    changed = cli("keys", "update", made["id"], *options, "--json").json
    assert (changed["permissions"], changed["chatFlows"], changed["expiresAt"]) == ([], [], None)


def test_an_expiry_is_a_time_too(cli: Cli, name: str) -> None:
    """Given --expires-at, the key ends at that moment."""
    made = cli("keys", "create", name, "--expires-at", "2099-01-31T12:00:00+02:00", "--json").json
    assert made["expiresAt"] == "2099-01-31T10:00:00.000Z"


def test_a_pasted_key_is_read_and_a_bad_one_is_explained(cli: Cli, name: str) -> None:
    """From a pipe and a variable; what is wrong with it is said by verify and explain."""
    token = cli("keys", "create", name).out.strip()
    for pasted in (f'\n\n"{token}"\r\n', f"\ufeffAuthorization: Bearer {token}\n", f"KEY={token}"):
        assert cli("keys", "verify", stdin=pasted).code == 0
        assert cli("keys", "explain", "--json", FLOWKEYS_TOKEN=pasted).json["valid"] is True
    for pasted, said in (("$TOKEN", "variable"), (f"fl-…{token[-4:]}", "masked"), (token[:-3], "cut short")):
        refused = cli("keys", "verify", stdin=pasted)
        assert (refused.code, said in refused.out) == (5, True), refused
        assert said in cli("keys", "explain", stdin=pasted).out


def test_a_date_is_its_end_and_a_time_without_a_zone_is_none(cli: Cli, name: str) -> None:
    """The same both ways, and as the pages read it; what is printed says its zone."""
    made = cli("keys", "create", name, "--expires-at", "2099-01-31")
    assert "It expires at 2099-01-31 23:59 UTC." in made.err
    key = cli("keys", "show", name, "--json").json
    assert key["expiresAt"] == "2099-01-31T23:59:59.999Z"
    assert "2099-01-31 23:59 UTC" in cli("keys", "show", name).out
    assert "EXPIRES (UTC)" in cli("keys", "list", "--search", name).out
    for text, said in (("2099-01-31T09:00", "zone"), ("2099-W05", "date"), ("20990131", "date")):
        refused = cli("keys", "update", name, "--expires-at", text, "--json")
        assert refused.code == 6
        assert said in refused.failure["detail"]


def test_a_key_is_disabled_and_enabled(cli: Cli, name: str) -> None:
    """Disabling can be taken back, unlike revoking."""
    cli("keys", "create", name)
    assert cli("keys", "disable", name, "--json").json["status"] == "disabled"
    assert cli("keys", "enable", name, "--json").json["status"] == "active"


def test_several_keys_are_changed_together(cli: Cli, name: str) -> None:
    """Named by id or name, they are changed in one call, which says how many."""
    first, second = (cli("keys", "create", f"{name} {n}", "--json").json["id"] for n in (1, 2))
    both = (first, f"{name} 2")
    assert cli("keys", "disable", *both, "--json").json == {"affected": 2, "unchanged": 0, "skipped": []}
    assert cli("keys", "enable", *both).out == "Enabled 2 keys.\n"
    cli("keys", "revoke", second, "--yes")
    result = cli("keys", "revoke", *both, "--yes")
    assert (result.code, result.out) == (0, "Revoked 1 key.\n")
    assert "1 key had been revoked already" in result.err
    result = cli("keys", "enable", first, second)
    assert (result.code, result.out) == (0, "Enabled 0 keys.\n")
    assert f"2 keys stay revoked: {first}, {second}" in result.err


def test_several_keys_are_revoked_all_or_none(cli: Cli, name: str) -> None:
    """Given one that there is not, or the answer no, none is revoked; what each opens was shown."""
    cli("flows", "add", f"{name} flow", "--reply", "hi")
    ids = [cli("keys", "create", f"{name} {n}", "--chatflow", f"{name} flow", "--json").json["id"]
           for n in (1, 2)]  # fmt: skip
    unknown = "00000000-0000-4000-8000-000000000000"
    assert cli("keys", "disable", *ids, unknown).code == 6
    assert cli("keys", "revoke", *ids, f"{name} 3", "--yes").code == 4
    result = cli("keys", "revoke", *ids, stdin=Typed("n\n"))
    assert result.code == 130
    assert result.err.count(f"{name} flow") == 2
    assert [cli("keys", "show", key_id, "--json").json["status"] for key_id in ids] == ["active"] * 2


def test_revoking_asks_and_shows_what_depends_on_the_key(cli: Cli, name: str) -> None:
    """Given a terminal and the answer no, the chatflows and the last use were shown, and nothing changed."""
    cli("flows", "add", f"{name} flow", "--reply", "hi")
    cli("keys", "create", name, "--chatflow", f"{name} flow")
    result = cli("keys", "revoke", name, stdin=Typed("n\n"))
    assert f"{name} flow" in result.err
    assert "never used" in result.err
    assert result.code == 130
    assert cli("keys", "show", name, "--json").json["status"] == "active"


def test_revoking_goes_on_after_a_yes(cli: Cli, name: str) -> None:
    """Given a terminal and the answer yes, the key is revoked."""
    cli("keys", "create", name)
    assert cli("keys", "revoke", name, stdin=Typed("y\n")).code == 0
    assert cli("keys", "show", name, "--json").json["status"] == "revoked"


def test_revoking_without_a_terminal_needs_yes(cli: Cli, name: str) -> None:
    """A script that forgot --yes is told so; nothing is revoked by an empty input."""
    cli("keys", "create", name)
    assert cli("keys", "revoke", name).code == 2
    assert cli("keys", "show", name, "--json").json["status"] == "active"


def test_revoking_twice_is_no_error(cli: Cli, name: str) -> None:
    """As the API says: `affected` is 1, then 0."""
    key_id = cli("keys", "create", name, "--json").json["id"]
    assert cli("keys", "revoke", key_id, "--yes", "--json").json == {"raw": [], "affected": 1}
    assert cli("keys", "revoke", key_id, "--yes", "--json").json == {"raw": [], "affected": 0}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--permission", "logs:see"], 6, id="unknown permission"),
        pytest.param(["--expires-in", "soon"], 6, id="not a duration"),
        pytest.param(["--expires-at", "tomorrow"], 6, id="not a time"),
        pytest.param(["--expires-at", "2001-01-01"], 6, id="a time that passed"),
        pytest.param(["--expires-in", "1d", "--expires-at", "2099-01-01"], 2, id="two expiries"),
        pytest.param(["--chatflow", "nowhere"], 4, id="unknown chatflow"),
    ],
)
def test_wrong_input_makes_no_key(cli: Cli, name: str, arguments: list[str], code: int) -> None:
    """The exit code says what kind of mistake it was, and no key is left behind."""
    result = cli("keys", "create", name, *arguments)
    assert (result.code, result.out) == (code, "")
    assert cli("keys", "list", "--search", name, "--json").json == []


@pytest.mark.parametrize("arguments", [["--sort", "colour"], ["--status", "dead"], ["--page", "0"]])
def test_a_list_is_asked_for_in_known_words(cli: Cli, arguments: list[str]) -> None:
    """Given a misspelt option, the command is refused before anything is read."""
    assert cli("keys", "list", *arguments).code == 2


def test_a_token_is_verified_from_the_input(cli: Cli, name: str) -> None:
    """Given a token that is piped in or in FLOWKEYS_TOKEN, the answer and the exit code say what it is."""
    made = cli("keys", "create", name, "--json").json
    assert cli("keys", "verify", "--json", stdin=made["apiKey"] + "\n").json["id"] == made["id"]
    assert cli("keys", "verify", FLOWKEYS_TOKEN=made["apiKey"]).code == 0
    cli("keys", "revoke", made["id"], "--yes")
    refused = cli("keys", "verify", "--json", stdin=made["apiKey"])
    assert refused.code == 5
    assert '"code": "revoked_key"' in refused.out


def test_a_key_is_bound_to_networks(cli: Cli, name: str) -> None:
    """Given at its making, shown, asked about with an address, changed as a whole, and taken away again."""
    made = cli(
        "keys", "create", name, "--allowed-ip", "192.0.2.0/24", "--allowed-ip", "::1,10.1.2.3", "--json"
    )
    key = made.json
    assert key["allowedIps"] == ["192.0.2.0/24", "::1", "10.1.2.3"]
    assert "192.0.2.0/24, ::1, 10.1.2.3" in cli("keys", "show", key["id"]).out
    token = {"FLOWKEYS_TOKEN": key["apiKey"]}
    for command in ("verify", "explain"):
        assert cli("keys", command, "--address", "192.0.2.9", **token).code == 0
        for address in (["--address", "192.0.3.9"], []):
            refused = cli("keys", command, *address, **token)
            assert (refused.code, refused.out.partition(":")[0]) == (5, "ip_not_allowed")
    assert "Give an address" in cli("keys", "verify", "--address", "here", **token).err
    renamed = cli("keys", "update", key["id"], "--name", f"{name} again", "--json").json
    assert renamed["allowedIps"] == key["allowedIps"]
    changed = cli("keys", "update", key["id"], "--allowed-ip", "10.0.0.0/8", "--json").json
    assert changed["allowedIps"] == ["10.0.0.0/8"]
    wrong = cli("keys", "update", key["id"], "--allowed-ip", "10.1.2.3/8")
    assert wrong.code != 0
    assert "The network is 10.0.0.0/8" in wrong.err
    assert cli("keys", "update", key["id"], "--allowed-ip", "", "--json").json["allowedIps"] == []
    assert "anywhere" in cli("keys", "show", key["id"]).out
    assert cli("keys", "verify", **token).code == 0


def test_a_refusal_is_explained_step_by_step(cli: Cli, name: str) -> None:
    """A disabled key: the status is wrong, what follows was not looked at, and the token is not printed."""
    made = cli("keys", "create", name, "--json").json
    good = cli("keys", "explain", "--json", FLOWKEYS_TOKEN=made["apiKey"])
    assert good.code == 0
    assert [step["ok"] for step in good.json["steps"]] == [True] * 10
    cli("keys", "disable", made["id"])
    refused = cli("keys", "explain", "--permission", "apikeys:view", stdin=made["apiKey"] + "\n")
    assert refused.code == 5
    assert refused.out.startswith(f"disabled_key: {name}\n")
    assert "The key is disabled." in refused.out
    assert refused.out.count("Not looked at") == 7
    assert made["apiKey"] not in refused.out + refused.err
    assert cli("keys", "explain", "--permission", "x:y", stdin=made["apiKey"]).code == 6


def test_a_token_in_the_arguments_is_refused_and_not_repeated(cli: Cli) -> None:
    """Arguments are seen by every user of the machine: there is none for a token, and no echo of one."""
    token = Token.mint().reveal()
    for command in ("verify", "explain"):
        result = cli("keys", command, token)
        assert result.code == 2
        assert token not in result.err


def test_a_note_cannot_steer_the_terminal(local: Cli) -> None:
    """One that holds an escape sequence is refused; markup of ours is shown as it was written."""
    assert local("keys", "create", "key", "--note", "\x1b[31mred").code == 6
    made = local("keys", "create", "key", "--note", "[red]red[/red]", "--json").json
    assert "[red]red[/red]" in local("keys", "show", made["id"]).out
