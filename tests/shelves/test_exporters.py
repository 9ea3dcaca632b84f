"""The shelf `exporters/`: fresh against the configuration's model, valid against the schemas."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import run
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from qgm_observe.cli import Parser, export
from qgm_observe.documents import Model, load
from qgm_observe.exporters.sample import FILES, sample
from qgm_observe.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
SHELF = ROOT / "exporters"
SCHEMAS = Path(__file__).parent / "schemas"
COMMAND = Path(sys.executable).with_name("qgm-observe")
CAPTURED = {"capture_output": True, "text": True}
VERSIONS = ("1.29", "1.33", "1.37")
CUSTOM = {"PodMonitor": "podmonitor.json", "PrometheusRule": "prometheusrule.json"}
MANIFESTS = sorted(
    path for kind in ("provider", "journal") for path in (SHELF / kind).glob("*.yml")
    if path.name not in {"config.yml", "kustomization.yml"}
)  # fmt: skip


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def resources(kind: str | None = None) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in MANIFESTS:
        for each in documents(path):
            if kind in {None, each["kind"]}:
                yield path, each


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, each in resources():
        spec = each.get("spec", {}).get("template", {}).get("spec")
        if spec:
            yield f"{path.name} {each['kind']}", spec


def ours(pod: dict[str, Any]) -> list[dict[str, Any]]:
    every = pod["containers"] + pod.get("initContainers", [])
    return [each for each in every if each["image"].startswith("qgm-observe")]


def schema(name: str) -> Any:
    told = json.loads((SCHEMAS / name).read_text())
    return jsonschema.Draft202012Validator(told)


# --------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize("place", FILES)
def test_configuration_is_fresh(place):
    """The file on the shelf is what the configuration's model gives today."""
    again = f"run: .venv/bin/python -m qgm_observe.exporters.sample {SHELF.name}"

    assert (SHELF / place).read_text() == sample(*FILES[place]), again


def uncommented(text: str) -> str:
    return re.sub(r"^( *)#(?! |$)", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("place", FILES)
def test_a_comment_taken_away_changes_nothing(place, tmp_path):
    """With every setting uncommented the file means what it means as it is shipped."""
    model, _, _ = FILES[place]
    text = (SHELF / place).read_text()
    (tmp_path / "plain.yml").write_text(text)
    (tmp_path / "all.yml").write_text(uncommented(text))

    assert text.count("\n#") > 5
    assert load(tmp_path / "all.yml", model) == load(tmp_path / "plain.yml", model)


def models(model: type[Model]) -> Iterator[type[Model]]:
    yield model
    for field in model.model_fields.values():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Model):
            yield from models(type(default))


@pytest.mark.parametrize("place", FILES)
def test_every_setting_stands_in_the_file(place):
    """No field of the model, however deep, is missing; each stands below its description."""
    text = (SHELF / place).read_text()
    missing = [
        f"{each.__name__}.{name}"
        for each in models(FILES[place][0])
        for name, field in each.model_fields.items()
        if not (field.description or "").startswith("Refused")
        and not re.search(rf"^ *(# .*\n *)#?(- )?{name}:", text, re.MULTILINE)
    ]

    assert missing == []


def test_the_files_start_the_exporters(tmp_path):
    """The command line reads both files as they are shipped and tells what it would do."""
    (tmp_path / "token").write_text("canary-token")
    texts = [(SHELF / place).read_text() for place in FILES]
    provider, journal = tmp_path / "provider.yml", tmp_path / "journal.yml"
    provider.write_text(texts[0].replace("/run/secrets/qgm-observe/ibm", str(tmp_path)))
    provider.write_text(provider.read_text().replace(f"{tmp_path}-token", f"{tmp_path}/token"))
    journal.write_text(texts[1].replace("/state", str(tmp_path / "state")))

    told = [
        run([COMMAND, "export", *words, "--check"], check=False, **CAPTURED)
        for words in (
            ["provider", "--config", provider],
            ["journal", tmp_path, "--config", journal],
        )
    ]

    assert [done.returncode for done in told] == [0, 0], told
    assert "ibm/research: * (aggregates)" in told[0].stdout
    assert "canary-token" not in str(told)


# ------------------------------------------------------------------------------------ Kubernetes


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_manifests_fit_the_schemas(path, version):
    """Core objects fit Kubernetes' own schemas strictly, PodMonitors the operator's."""
    for each in documents(path):
        if each["kind"] in CUSTOM:
            schema(CUSTOM[each["kind"]]).validate(each)
        else:
            kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelt_field_is_found():
    """The checks above refuse an unknown field of a pod, a PodMonitor and a compose file."""
    pod = next(each for _, each in resources("Deployment"))
    pod["spec"]["template"]["spec"]["containerz"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)
    monitor = next(each for _, each in resources("PodMonitor"))
    monitor["spec"]["podMetricsEndpoints"][0]["honourLabels"] = True
    with pytest.raises(jsonschema.ValidationError):
        schema(CUSTOM["PodMonitor"]).validate(monitor)
    composed = documents(SHELF / "compose" / "compose.yml")[0]
    composed["services"]["provider"]["readonly"] = True
    with pytest.raises(jsonschema.ValidationError):
        compose_schema().validate(composed)


def test_every_pod_gives_up_what_it_does_not_need():
    """No pod has a service account's token, a root user, a privilege or an open seccomp profile."""
    checked = 0
    for name, pod in pods():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        for each in pod["containers"] + pod.get("initContainers", []):
            assert each["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        for each in ours(pod):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True, name
            checked += 1

    assert checked == 5


def test_our_containers_are_started_as_the_command_line_says():
    """Each container's arguments are parsed by the command that its image starts."""
    parsed = 0
    for name, pod in pods():
        for each in ours(pod):
            words = each.get("args", [])
            if each.get("command"):
                continue
            parser = Parser(prog="export")
            export.configure(parser)
            told = parser.parse_args([each["image"].removeprefix("qgm-observe-"), *words])
            port = told.listen.rpartition(":")[2]
            assert {str(p["containerPort"]) for p in each["ports"]} == {port}, name
            assert told.web_config_file is not None, name
            parsed += 1

    assert parsed == 4


def test_probes_ask_what_needs_no_login():
    """Probes go to the health paths over HTTPS, at a port that the container names."""
    for name, pod in pods():
        for each in ours(pod):
            ports = {port["name"] for port in each.get("ports", [])}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = each.get(kind, {}).get("httpGet")
                if asked:
                    assert asked["path"] in {"/-/healthy", "/-/ready"}, name
                    assert (asked["scheme"], asked["port"] in ports) == ("HTTPS", True), name


def test_sidecars_are_native():
    """A sidecar is an init container that always restarts, so that a Job can complete."""
    sidecars = [each for _, pod in pods() for each in pod.get("initContainers", [])]

    assert len(sidecars) == 3
    assert {each["restartPolicy"] for each in sidecars} == {"Always"}
    assert all(len(ours({"containers": pod["containers"]})) < 2 for _, pod in pods())


def test_volumes_are_those_of_the_pod():
    """What a container mounts is declared, and what is declared is mounted."""
    for path, each in resources():
        spec = each.get("spec", {}).get("template", {}).get("spec")
        if not spec:
            continue
        declared = {volume["name"] for volume in spec["volumes"]}
        claimed = each["spec"].get("volumeClaimTemplates", [])
        declared |= {claim["metadata"]["name"] for claim in claimed}
        mounted = {
            mount["name"]
            for container in spec["containers"] + spec.get("initContainers", [])
            for mount in container.get("volumeMounts", [])
        }
        assert mounted == declared, path.name


def test_monitors_and_policies_find_their_pods():
    """Each PodMonitor and NetworkPolicy selects labels of a pod, and a port that it names."""
    labelled = [
        (each["spec"]["template"]["metadata"]["labels"], each["spec"]["template"]["spec"])
        for _, each in resources()
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}
    ]

    def selected(wanted: dict[str, str]) -> list[dict[str, Any]]:
        return [pod for labels, pod in labelled if wanted.items() <= labels.items()]

    for path, each in resources("PodMonitor"):
        (pod,) = selected(each["spec"]["selector"]["matchLabels"])
        ports = {port["name"] for one in ours(pod) for port in one.get("ports", [])}
        for endpoint in each["spec"]["podMetricsEndpoints"]:
            assert endpoint["port"] in ports, path.name
            assert endpoint["honorLabels"] is True, path.name
    for path, each in resources("NetworkPolicy"):
        assert len(selected(each["spec"]["podSelector"]["matchLabels"])) == 1, path.name


def test_a_live_view_is_never_the_source_of_counters():
    """Series of the sidecar beside a shipped journal are marked, so that no event counts twice."""
    path = SHELF / "journal" / "shape-3-shipped.yml"
    (monitor,) = [each for each in documents(path) if each["kind"] == "PodMonitor"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    assert endpoint["metricRelabelings"] == [
        {
            "sourceLabels": ["source"],
            "regex": "journal",
            "targetLabel": "source",
            "replacement": "sidecar",
            "action": "replace",
        }
    ]


def test_environment_of_training_is_ours():
    """Each of our variables in a manifest is a setting that exists."""
    known = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
    named = {
        variable["name"]
        for _, pod in pods()
        for each in pod["containers"] + pod.get("initContainers", [])
        for variable in each.get("env", [])
        if variable["name"].startswith(PREFIX)
    }

    assert len(named) > 3
    assert named <= known


@pytest.mark.parametrize("kind", ["provider", "journal"])
def test_kustomizations_name_files_that_are_there(kind):
    """What `kubectl apply --kustomize` reads is on the shelf, and names the pod's config map."""
    (told,) = documents(SHELF / kind / "kustomization.yml")
    (made,) = told["configMapGenerator"]
    mounted = [
        volume["configMap"]["name"]
        for each in documents(SHELF / kind / "deployment.yml")
        if each["kind"] == "Deployment"
        for volume in each["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    ]

    assert [name for name in told["resources"] if not (SHELF / kind / name).exists()] == []
    assert [name for name in made["files"] if not (SHELF / kind / name).exists()] == []
    assert mounted == [made["name"]]


# -------------------------------------------------------------------------- images and compose


@pytest.mark.parametrize("kind", ["provider", "journal"])
def test_images_are_built_from_a_named_digest_and_run_as_nobody(kind):
    """The base has no default, dependencies come by hash, and the user is nobody."""
    lines = (SHELF / kind / "Containerfile").read_text().splitlines()
    steps = [line for line in lines if line and not line.startswith(("#", " "))]

    assert steps[:2] == ["ARG BASE", "FROM ${BASE}"]
    assert "USER 65532:65532" in steps
    assert any("--require-hashes" in line for line in lines)
    start = json.loads(next(s for s in steps if s.startswith("ENTRYPOINT")).split(" ", 1)[1])
    words = json.loads(next(s for s in steps if s.startswith("CMD")).split(" ", 1)[1])
    parser = Parser(prog="export")
    export.configure(parser)
    assert start == ["qgm-observe", "export", kind]
    assert parser.parse_args([kind, *words]).listen.startswith("0.0.0.0:")


def compose_schema() -> Any:
    told = json.loads((SCHEMAS / "compose-spec.json").read_text())
    return jsonschema.Draft7Validator(told)


def test_compose_fits_its_schema_and_stays_on_this_machine():
    """The file fits the Compose Specification; ports are on loopback and no image has a default."""
    (told,) = documents(SHELF / "compose" / "compose.yml")
    compose_schema().validate(told)

    for name, each in told["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in each["ports"]), name
        assert re.fullmatch(r"\$\{\w+:\?.+\}", each["image"]), name
        assert each["read_only"] is True, name
        for volume in each["volumes"]:
            source = volume.partition(":")[0]
            shelves = ("../../alerts", "../../dashboards")  # their own shelves bring them
            if source.startswith(".") and source not in shelves:
                assert (SHELF / "compose" / source).exists(), volume


@pytest.mark.parametrize("program", ["promtool", "amtool"])
def test_prometheus_and_alertmanager_take_their_files(
    program: str, tools: Callable[[str], Path], tmp_path: Path
) -> None:
    """The real programs accept the configurations that compose mounts."""
    folder = SHELF / "compose"
    text = (folder / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/alerts", str(tmp_path)))
    words = {
        "promtool": ["check", "config", tmp_path / "prometheus.yml"],
        "amtool": ["check-config", folder / "alertmanager.yml"],
    }[program]
    done = run([tools(program), *words], check=False, **CAPTURED)

    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_finds_prometheus() -> None:
    """The data source of the boards is the Prometheus of the compose file."""
    (told,) = documents(SHELF / "compose" / "grafana" / "datasources" / "prometheus.yml")
    (source,) = told["datasources"]

    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
