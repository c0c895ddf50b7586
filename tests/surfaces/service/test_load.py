"""Many clients at once, as Debian's wrk makes them, while events come in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.surfaces.service.running import ask, running

CLIENTS, SECONDS = 16, 3
PATHS = [
    *(f"/v1/users/{user}/recommendations?k=10" for user in range(30)),
    *(f"/v1/users/{user}/recommendations?k=5&reasons=3" for user in range(30)),
    "/v1/users/4711/recommendations?where=kind%20%3D%20Drama",
]
WITH_EVENTS = 7
"""Users that events are of: the first ones."""
SCRIPT = """
local paths = {%s}
local turn = 0

request = function()
  turn = turn + 1
  return wrk.format("GET", paths[turn %% #paths + 1])
end

done = function(summary)
  local failed = summary.errors
  print(string.format(
    '{"answers": %%d, "connect": %%d, "read": %%d, "write": %%d, "status": %%d, "timeout": %%d}',
    summary.requests, failed.connect, failed.read, failed.write, failed.status, failed.timeout))
end
"""


def test_no_list_fails_under_load_while_events_come_in(
    fitted: dict[str, Path], database_url: str, tmp_path: Path, wrk: str
) -> None:
    script = tmp_path / "lists.lua"
    script.write_text(SCRIPT % ", ".join(json.dumps(path) for path in PATHS))
    n = 0
    with running(fitted["als"], tmp_path, "--database", database_url) as url:
        limits = ["-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "--timeout", "30s"]
        with subprocess.Popen(
            [wrk, *limits, "-s", str(script), url], stdout=subprocess.PIPE, text=True
        ) as load:
            while load.poll() is None:
                event = {"user_id": n % WITH_EVENTS, "item_id": n % 40, "rating": 1 + n % 5}
                ask(f"{url}/v1/events", event)
                n += 1
            assert load.stdout is not None
            told = json.loads(load.stdout.read().splitlines()[-1])
        exported = [ask(f"{url}/v1/users/{user}/export")["events"] for user in range(WITH_EVENTS)]
    assert told.pop("answers") > 0
    assert set(told.values()) == {0}, told
    assert sum(map(len, exported)) == n >= WITH_EVENTS
    assert "Traceback" not in (tmp_path / "serve.log").read_text()
