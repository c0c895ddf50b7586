"""The pages on running the service and on its security say what the code does."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from tastemap.cli import serve
from tastemap.service.guard.edge import KEYLESS_AT_ONCE
from tastemap.service.guard.gate import WRONG_KEYS_A_SECOND, WRONG_KEYS_AT_ONCE
from tastemap.service.guard.protocol import MOST_WAITING, LimitedProtocol
from tastemap.service.guard.scopes import needed_scope
from tastemap.service.settings import ServiceSettings, read_settings
from tastemap.service.telemetry import metrics

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NOT_LIMITS = {"folder", "database", "host", "port", "workers", "allowed_hosts", "trusted_proxies", "log_format"}


def test_every_option_of_the_command_is_listed() -> None:
    options = {f"--{name.replace('_', '-')}" for name in inspect.signature(serve.command).parameters}
    options = options - {"--folder", "--as-json"} | {"--json"}
    assert options == set(re.findall(r"--[a-z-]+", OPERATIONS.split("```")[1]))


def test_every_limit_is_listed_with_its_default() -> None:
    table = OPERATIONS.split("## Limits")[1].split("##")[0]
    listed = dict(re.findall(r"^\| `(\w+)`[^|]* \| ([\d,]+)", table, re.MULTILINE))
    fields = ServiceSettings.model_fields
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", table, re.MULTILINE)))) == (
        set(fields) - NOT_LIMITS
    )
    units = {"max_body_bytes": 2**20, "session_s": 3600}
    for name, shown in listed.items():
        assert int(shown.replace(",", "")) * units.get(name, 1) == fields[name].default, name
    burst = fields["rate_burst"].default
    assert f"| {fields['rate_limit'].default:,.0f} requests a second and {burst:,} at once" in table
    assert f"{LimitedProtocol.max_head_bytes // 1024} KiB" in table
    assert f"more than {LimitedProtocol.head_timeout_s:g} s" in table
    assert f"answered, {MOST_WAITING} wait" in table
    assert f"{KEYLESS_AT_ONCE} requests without a key" in table
    assert f"have {KEYLESS_AT_ONCE} places of their own" in SECURITY
    assert (WRONG_KEYS_AT_ONCE, WRONG_KEYS_A_SECOND) == (10, 1 / 5)


def test_no_key_is_held_back_below_what_a_worker_was_measured_to_answer() -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "service.json").read_text(encoding="utf-8"))
    rows = [row for row in record.values() if isinstance(row, dict) and "requests_per_s" in row]
    measured = [row["requests_per_s"] for row in rows]
    assert len(measured) > 5
    fields = ServiceSettings.model_fields
    assert fields["rate_limit"].default > max(measured)  # of two workers, some of them
    assert fields["rate_burst"].default >= fields["rate_limit"].default


def test_the_example_of_a_file_of_settings_can_be_read(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.+?)```", OPERATIONS, re.DOTALL)
    (tmp_path / "service.toml").write_text(example, encoding="utf-8")
    settings = ServiceSettings.of(folder="model", **read_settings(tmp_path / "service.toml"))
    assert settings != ServiceSettings.of(folder="model")


def test_the_command_shows_the_defaults_of_the_settings() -> None:
    shown = re.findall(r'show_default="([^"]+)"', inspect.getsource(serve))
    fields = ServiceSettings.model_fields
    assert shown == [str(fields[name].default) for name in ("host", "port", "workers", "log_format")]


def test_every_figure_is_listed() -> None:
    source = Path(metrics.__file__).read_text(encoding="utf-8").split('"""', 2)[2]
    made = {
        re.sub(r"^tastemap_(errors|lists|events_accepted|writes_failed)$", r"\g<0>_total", name)
        for name in re.findall(r'"(tastemap_\w+)"', source)
    }
    for page in (OPERATIONS, metrics.__doc__ or ""):
        assert set(re.findall(r"^\| `(tastemap_\w+)`", page, re.MULTILINE)) == made


@pytest.mark.parametrize("scope", ["none", "admin", "client"])
def test_scopes_are_those_of_the_table(scope: str) -> None:
    [said] = re.findall(
        rf"^\| (.+) \| {'none' if scope == 'none' else f'`{scope}`'} \|$", SECURITY, re.MULTILINE
    )
    named = re.findall(r"`(?:(GET|POST|DELETE) )?(/[^`]+)`", said)
    assert named
    for method, path in named:
        assert (needed_scope(method or "GET", path.replace("…", "a.css")) or "none") == scope


def test_the_example_for_systemd_starts_the_command() -> None:
    unit = (ROOT / "deploy" / "tastemap.service").read_text(encoding="utf-8")
    [words] = re.findall(r"^ExecStart=\S+/tastemap serve (.+)$", unit, re.MULTILINE)
    known = {f"--{name.replace('_', '-')}" for name in inspect.signature(serve.command).parameters}
    assert set(re.findall(r"--[a-z-]+", words)) <= known
    seconds = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0])
    assert seconds > ServiceSettings.model_fields["shutdown_s"].default


def test_the_example_for_systemd_refuses_calls_with_an_error_and_kills_nobody_for_them() -> None:
    # OpenBLAS asks where its memory lies (mbind), and the process of the charts for a lower priority.
    unit = (ROOT / "deploy" / "tastemap.service").read_text(encoding="utf-8")
    assert "@resources" in unit
    assert re.findall(r"^SystemCallErrorNumber=(\w+)$", unit, re.MULTILINE) == ["EPERM"]
