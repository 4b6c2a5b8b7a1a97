from pathlib import Path

import pytest
import yaml

from fedot.deploy.compose import compose_file
from fedot.errors import FedotError

ROOT = Path(__file__).parents[2]
BASE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = BASE["services"]
NETWORKS = {
    "keys": ["control"], "superlink": ["control"], "register": ["control"], "run": ["control"],
    "front": ["control", "clients"],
}  # fmt: skip
NODES = [name for name in SERVICES if name.startswith("supernode-")]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["networks"] == NETWORKS.get(name, ["clients"])
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert {"mem_limit", "pids_limit", "cpus"} <= service.keys()
    assert not {"ports", "privileged", "user", "network_mode"} & service.keys()


def test_what_waits_at_the_server_waits_on_disk():
    """Beyond a bound replies wait in a temporary file, and a file in a tmpfs counts as memory of its container."""
    service = SERVICES["superlink"]
    place = service["environment"]["TMPDIR"]
    assert place in [volume.split(":")[1] for volume in service["volumes"] if not volume.endswith(":ro")]
    assert not any(place.startswith(mount.split(":")[0]) for mount in service["tmpfs"])
    assert service["environment"].items() >= BASE["x-service"]["environment"].items()


def test_the_networks_have_no_way_out():
    assert BASE["networks"] == {"control": {"internal": True}, "clients": {"internal": True}}


def test_clients_meet_the_front_and_nobody_who_may_command():
    """And it is by its name that they call."""
    assert {name for name in SERVICES if "clients" in SERVICES[name]["networks"]} == {"front", *NODES}
    for name in NODES:
        assert "--superlink=front:8000" in SERVICES[name]["entrypoint"]
        assert SERVICES[name]["healthcheck"]["test"][-1] == "front:8000"
        assert SERVICES[name]["depends_on"]["front"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", NODES)
def test_nodes_run_what_the_owner_has_signed_also_without_tls(name):
    given = "--trusted-entities=/keys/public/trusted.yaml"
    insecure = yaml.load((ROOT / "compose.insecure.yml").read_text(), Loader=Overrides)["services"]
    for service in (SERVICES[name], {**SERVICES[name], **insecure[name]}):
        assert service["entrypoint"][-4:-1] == ["python", "-m", "fedot.deploy.supernode"]
        assert given in service["command"]
    for run in (SERVICES["run"], insecure["run"]):
        assert run["command"][run["command"].index("--signing-key") + 1] == "/keys/owner/key"


class Overrides(yaml.SafeLoader):
    """Compose's own tag."""


Overrides.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))


def test_tls_and_authentication_are_the_default():
    assert "--enable-supernode-auth" in SERVICES["superlink"]["command"]
    assert not any("insecure" in str(service) for service in SERVICES.values())
    for name in NODES:
        assert any("--auth-supernode-private-key" in part for part in SERVICES[name]["command"])
        assert SERVICES[name]["restart"] == "on-failure"
        assert SERVICES[name]["healthcheck"]["test"][2:4] == ["fedot/deploy/health.py", "supernode"]


def sources(service):
    return {volume.rpartition(":")[0].rpartition(":")[0] if volume.endswith(":ro") else volume.split(":")[0]
            for volume in service.get("volumes", [])}  # fmt: skip


def test_keys_and_data_are_where_they_are_needed_and_nowhere_else():
    who = {name: sources(service) for name, service in SERVICES.items()}
    assert [name for name in who if "ca" in who[name]] == ["keys"]
    assert [name for name in who if "server" in who[name]] == ["keys", "superlink", "front"]
    assert [name for name in who if "owner" in who[name]] == ["keys", "run"]
    for k, name in enumerate(NODES):
        assert [other for other in who if f"node-{k}" in who[other]] == ["keys", name]
        data = [other for other in who if any(f"FEDOT_DATA_{k}" in source for source in who[other])]
        assert data == [name]
        assert [other for other in who if f"models-{k}" in who[other]] == [name]
        mounts = SERVICES[name]["volumes"]
        assert [mount for mount in mounts if not mount.endswith(":ro")] == [f"models-{k}:/cache"]


def test_checkpoints_are_read_only_where_models_are_trained_and_the_servers_are_its_own():
    mounts = {name: [v for v in service.get("volumes", []) if v.split(":")[-2] == "/models"]
              for name, service in SERVICES.items()}  # fmt: skip
    assert {name: each for name, each in mounts.items() if each} == {
        "superlink": ["${FEDOT_SERVER_MODELS:-no-models}:/models:ro"],
        **{name: ["${FEDOT_MODELS:-no-models}:/models:ro"] for name in NODES},
    }
    for name in ("superlink", *NODES):
        assert SERVICES[name]["environment"]["FEDOT_MODELS"] == "/models:/checkpoints"
    more = yaml.safe_load(compose_file(["a", "b", "c"], "x.yaml"))["services"]["supernode-2"]
    assert "${FEDOT_MODELS:-no-models}:/models:ro" in more["volumes"]
    assert more["environment"]["FEDOT_MODELS"] == "/models:/checkpoints"


def test_every_limit_of_memory_can_be_said():
    limits = {name: service["mem_limit"] for name, service in SERVICES.items()}
    assert {limits.pop(name) for name in NODES} == {"${FEDOT_NODE_MEMORY:-${FEDOT_MEMORY:-4g}}"}
    assert set(limits.values()) == {"${FEDOT_MEMORY:-4g}"}


@pytest.mark.parametrize("clients", [["a", "b"], ["a", "b", "c"], [f"imdb-{k}" for k in range(16)]])
def test_an_override_has_a_node_for_each_client(clients):
    text = compose_file(clients, "scenarios/x.yaml")
    services = yaml.safe_load(text)["services"]
    more = {f"supernode-{k}" for k in range(2, len(clients))}
    assert more == {name for name in services if name.startswith("supernode-")}
    assert services["run"]["environment"]["FEDOT_SCENARIO"] == "scenarios/x.yaml"
    assert len(services["run"]["depends_on"]) == len(clients)
    command = services["keys"]["command"]
    assert [command[i + 1] for i, part in enumerate(command) if part == "--node"] == [
        f"client-{k}" for k in range(len(clients))
    ]
    for name in more:
        k = name.split("-")[1]
        service = services[name]
        assert service["read_only"] is True
        node = f'partition-id={k} data-path="/data" cache-path="/cache" tell-words=true'
        assert f"--node-config={node}" in service["command"]
        assert service["networks"] == ["clients"]
        assert "--trusted-entities=/keys/public/trusted.yaml" in service["command"]
        assert {f"node-{k}:/keys/node:ro", f"models-{k}:/cache"} <= set(service["volumes"])
        assert any(volume.startswith(f"${{FEDOT_DATA_{k}:-none-{k}}}") for volume in service["volumes"])
        assert not any("-1:" in volume for volume in service["volumes"])
    for k in range(2, len(clients)):
        assert f"supernode-{k}: {clients[k]}" in text


def test_a_name_cannot_leave_its_comment():
    text = compose_file(["a\nservices: {evil: {image: x}}", "b", "c"], "x\r\nservices: {}.yaml")
    services = yaml.safe_load(text)["services"]
    assert services == yaml.safe_load(compose_file(["a", "b", "c"], "x\r\nservices: {}.yaml"))["services"]
    assert "evil" not in services


def test_too_many_clients_are_refused():
    with pytest.raises(FedotError, match="64"):
        compose_file([str(k) for k in range(65)], "x")
