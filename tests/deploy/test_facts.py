"""What `deploy/` says of us is so: settings, paths, ports, users, times and commands (docs/adr/0048)."""

import json
import os
import re
import subprocess
import sys
import tomllib

import httpx
import pytest

from flowkeys.cli.main import Commands
from flowkeys.config import CLIENT_VARIABLES, PREFIX, Settings, load
from tests.architecture.tree import ROOT
from tests.deploy import files
from tests.support.programs.ports import free_port
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, until

GIVEN = {
    "FLOWKEYS_SECRET": "0123456789abcdef0123456789abcdef",
    "POSTGRES_PASSWORD": "one",
    "VALKEY_PASSWORD": "two",
    "FLOWKEYS_DATABASE": "postgresql://flowkeys:one@postgres/flowkeys",
    "FLOWKEYS_VALKEY": "rediss://default:two@valkey:6379/0",
}
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_variable_is_a_setting() -> None:
    """A misspelt one would be passed over in silence."""
    for path in files.files():
        named = set(re.findall(r"FLOWKEYS_[A-Z_]*[A-Z]", path.read_text("utf-8")))
        assert named <= SETTINGS | CLIENT_VARIABLES, path


@pytest.mark.parametrize("where", ["compose", "kubernetes", "systemd"])
def test_servers_start_with_their_settings_and_end_in_the_time_they_are_given(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set can be read, processes count together, and none is killed while streams may end."""
    if where == "systemd":
        variables = files.unit_variables()
        grace = files.seconds(files.unit()["Service"]["TimeoutStopSec"])
    elif where == "compose":
        service = files.compose()["services"]["flowkeys"]
        variables = {name: files.interpolated(text, GIVEN) for name, text in service["environment"].items()}
        grace = files.seconds(service["stop_grace_period"])
    else:
        pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
        variables = dict(files.kubernetes()["ConfigMap"]["data"])
        variables |= {item["name"]: GIVEN[item["name"]] for item in pod["containers"][0]["env"]}
        grace = pod["terminationGracePeriodSeconds"]
    base = {} if where == "systemd" else files.image_variables()
    for name, value in {**base, **variables}.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value.replace("%S", "/var/lib"))
    settings = load()
    assert grace >= settings.stop_delay_seconds + settings.shutdown_seconds + 10
    if where == "kubernetes":
        probe = pod["containers"][0]["readinessProbe"]
        noticed = probe["failureThreshold"] * (probe["periodSeconds"] + probe["timeoutSeconds"])
        assert settings.stop_delay_seconds >= noticed, "it stops before anybody has noticed"
    if where != "systemd":
        assert settings.database_url is not None
        assert settings.valkey is not None, "limits of several processes need it"
        assert settings.host == "0.0.0.0"  # noqa: S104 - in a container
        assert settings.port == int(files.said("EXPOSE"))


def test_what_is_run_is_a_command_of_ours() -> None:
    """`flowkeys serve`, from where it was installed."""
    commands = {entry.name for entry in Commands.entries}
    assert json.loads(files.said("ENTRYPOINT")) == ["flowkeys"]
    assert json.loads(files.said("CMD"))[0] in commands
    assert (
        files.kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"][0]["args"][0] in commands
    )
    program, command = files.unit()["Service"]["ExecStart"].split()
    assert program == "/opt/flowkeys/bin/flowkeys"
    assert command in commands
    assert "/opt/flowkeys/bin" in files.image_variables()["PATH"].split(":")
    installed = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert "python3 -m venv /opt/flowkeys" in installed


def test_probes_ask_for_what_is_answered(server: Running) -> None:
    """A path that is none would have every container killed."""
    container = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert ports[asked["port"]] == int(files.said("EXPOSE"))
        assert httpx.get(server.url + asked["path"], timeout=PATIENCE_SECONDS).status_code == 200
    assert container["readinessProbe"]["httpGet"]["path"].endswith("/ready")
    assert container["livenessProbe"]["httpGet"]["path"].endswith("/live")
    assert ports["metrics"] == int(files.kubernetes()["ConfigMap"]["data"]["FLOWKEYS_METRICS_PORT"])


def test_the_health_check_tells_a_server_from_none(server: Running) -> None:
    """The command of the image, run as Docker does: 0 is well, 1 is not."""
    program, *arguments = files.health_command()
    assert program == "python"

    def code(port: int) -> int:
        environment = {**os.environ, "FLOWKEYS_PORT": str(port)}
        command = [sys.executable, "-S", "-E", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    # It gives up after seconds, which is no fault of the server's on a busy machine.
    until(lambda: code(server.port) == 0, "a server that is well was taken for one that is not")
    assert code(free_port()) == 1


def test_the_user_is_the_same_number_everywhere_and_not_root() -> None:
    """A volume that is another user's cannot be written."""
    uid, gid = map(int, files.said("USER").split(":"))
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    context = pod["securityContext"]
    assert uid > 0
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (uid, gid, gid)
    made = next(said for name, said in files.dockerfile() if name == "RUN" and "useradd" in said)
    assert f"--uid {uid} --gid {gid}" in made
    assert f"-o {uid} -g {gid} -m 0700 {files.image_variables()['FLOWKEYS_DATA_DIR']}" in made
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    service = files.compose()["services"]["flowkeys"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_what_has_to_be_written_can_be() -> None:
    """The data directory, and a place for what is temporary; all else is read only."""
    data = files.image_variables()["FLOWKEYS_DATA_DIR"]
    assert files.said("VOLUME") == data
    service = files.compose()["services"]["flowkeys"]
    assert f"data:{data}" in service["volumes"]
    assert [place.partition(":")[0] for place in service["tmpfs"]] == ["/tmp"]
    pod = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == {"data": data, "tmp": "/tmp"}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts)


def test_the_image_is_given_what_it_copies_and_nothing_else() -> None:
    """A secret or a database that lies in the folder is sent nowhere."""
    first, *others = [
        line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    assert first == "*"
    let_in = {line[1:] for line in others if line.startswith("!")}
    copied = [said.split() for name, said in files.dockerfile() if name == "COPY"]
    sources = {part for parts in copied if not parts[0].startswith("--") for part in parts[:-1]}
    assert let_in == sources
    assert all((ROOT / name).exists() for name in let_in)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= sources
    (extras,) = re.findall(r"\[([a-z,]+)\]\"", " ".join(said for _, said in files.dockerfile()))
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])


def test_nothing_starts_without_passwords_of_its_own() -> None:
    """Each is asked for by name, in an example without values."""
    text = (files.DOCKER / "compose.yaml").read_text("utf-8")
    asked = re.findall(r"\$\{([A-Z_]+)(:[-?])", text)
    assert {name for name, how in asked if how == ":?"} == {
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
        "FLOWKEYS_SECRET",
    }
    example = re.findall(r"^([A-Z_]+)=(.*)$", (files.DOCKER / "example.env").read_text("utf-8"), re.MULTILINE)
    assert {name for name, _ in example} == {name for name, _ in asked}
    assert not any(value for _, value in example)
    assert "trust" not in text
    secret = files.kubernetes()["Secret"]
    assert not any(secret["stringData"].values())
    asked_for = files.kubernetes()["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    references = {item["valueFrom"]["secretKeyRef"]["key"] for item in asked_for}
    assert references == set(secret["stringData"])
    assert {item["valueFrom"]["secretKeyRef"]["name"] for item in asked_for} == {secret["metadata"]["name"]}


def test_services_are_waited_for_until_they_are_well() -> None:
    """PostgreSQL and Valkey say so themselves; ours is on this machine alone."""
    services = files.compose()["services"]
    for name, how in services["flowkeys"]["depends_on"].items():
        assert how == {"condition": "service_healthy"}
        assert services[name]["healthcheck"]["test"]
        assert "ports" not in services[name]
    assert all(port.startswith("127.0.0.1:") for port in services["flowkeys"]["ports"])
    named = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert named == set(files.compose()["volumes"])


def test_the_manifests_mean_the_same_pods_and_belong_to_no_namespace() -> None:
    """A selector that finds nothing protects nothing, and says nothing."""
    kinds = files.kubernetes()
    kustomization = kinds.pop("Kustomization")
    listed = {*kustomization["resources"], "kustomization.yaml", "secret.example.yaml"}
    assert listed == {path.name for path in files.KUBERNETES.iterdir()}
    deployment = kinds["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert labels == deployment["selector"]["matchLabels"]
    assert labels == kinds["Service"]["spec"]["selector"]
    assert labels == kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    assert labels == kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert not any("namespace" in item["metadata"] for item in kinds.values())
    pod = deployment["template"]["spec"]
    assert pod["serviceAccountName"] == kinds["ServiceAccount"]["metadata"]["name"]
    assert pod["containers"][0]["envFrom"] == [
        {"configMapRef": {"name": kinds["ConfigMap"]["metadata"]["name"]}}
    ]
    assert [image["name"] for image in kustomization["images"]] == [pod["containers"][0]["image"]]
    names = {port["name"] for port in pod["containers"][0]["ports"]}
    assert {port["targetPort"] for port in kinds["Service"]["spec"]["ports"]} <= names
    allowed = {port["port"] for rule in kinds["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]}
    assert allowed == names


def test_one_pod_after_the_other_is_replaced() -> None:
    """There are as many as before at each moment, and an upheaval of nodes takes one at a time."""
    deployment = files.kubernetes()["Deployment"]["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    budget = files.kubernetes()["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    assert budget < deployment["replicas"]
