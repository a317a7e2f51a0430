"""`memsync lint`: every finding with its line; 1 where something is serious."""

from __future__ import annotations

import time_machine

from memsync import config as settings
from memsync.config import writer
from memsync.config.workspace import Workspace
from memsync.memory.publish import update_targets
from tests.conftest import SAMPLE

KEY = "gh" + "p_" + "aB3dE5gH7jK9" * 3


def write(workspace, text: str) -> None:
    workspace.memory.write_text(text)


def test_a_sound_memory_ends_with_0_and_nothing_to_tell(call, workspace):
    done = call("lint")
    assert (done.code, done.out) == (0, "No problems found.\n")
    assert call("lint", "--json").json == {"findings": []}


@time_machine.travel("2026-11-24T12:00:00+00:00")
def test_findings_have_line_kind_message_and_advice_and_serious_ones_end_with_1(call, workspace):
    write(workspace, SAMPLE.replace("- Ship the importer", "- Ship the importer by 2026-06-30"))
    done = call("lint")
    assert done.code == 0
    said = "stale: it is out of date: 'by 2026-06-30'. Try: remove it, or say what is true now"
    assert done.out == f"line 10           {said}\n1 finding.\n"
    write(workspace, f"{SAMPLE}\n## Access\n\n- {KEY}\n")
    done = call("lint", "--json")
    assert done.code == 1
    (found,) = done.json["findings"]
    assert set(found) >= {"line", "kind", "message", "advice"}
    assert (found["line"], found["kind"], found["serious"]) == (24, "secret", True)
    assert KEY not in done.out + call("lint").out


def test_a_memory_that_is_longer_than_it_may_be_is_serious(call, workspace):
    writer.change(settings.get_config_path(), {"core.max_memory_lines": 20})
    write(workspace, SAMPLE + "".join(f"- Fact {number}\n" for number in range(20)))
    (found,) = call("lint", "--json").json["findings"]
    assert (found["line"], found["kind"], found["serious"]) == (0, "length", True)


def test_a_file_beyond_what_its_agent_reads_is_serious(call, home, workspace):
    (home / ".codeium" / "windsurf").mkdir(parents=True)
    assert call("targets", "add", "windsurf").code == 0
    write(workspace, SAMPLE + "".join(f"- {'long ' * 8} fact {n}\n" for n in range(130)))
    update_targets(Workspace.open(settings.load()))
    done = call("lint", "--json")
    (found,) = [each for each in done.json["findings"] if each["kind"] == "size"]
    assert done.code == 1
    assert found["message"].startswith("windsurf: 6,")
    assert "of 6,000 characters" in found["message"]


def test_an_import_is_looked_for_beside_every_agents_file(call, home, workspace):
    write(workspace, SAMPLE + "\n@RTK.md\n")
    assert [found["kind"] for found in call("lint", "--json").json["findings"]] == ["import"]
    (home / ".codex" / "RTK.md").write_text("# RTK\n")
    assert call("lint", "--json").json["findings"] == []


def test_any_file_can_be_looked_at(call, home):
    path = home / "AGENTS.md"
    path.write_text("# Rules\n\n- Use tabs\u200b\n")
    done = call("lint", str(path))
    assert done.code == 1
    assert done.out.startswith("line 3    SERIOUS hidden: contains invisible characters: U+200B")
    assert call("lint", str(home / "no.md")).code == 2
    path.write_bytes(b"\xff\xfe")
    assert call("lint", str(path)).code == 2


def test_the_doctor_counts_the_findings_and_fails_where_one_is_serious(call, workspace):
    def lint_check() -> dict:
        checks = call("doctor", "--json").json["checks"]
        return next(check for check in checks if check["name"] == "lint")

    assert lint_check() == {
        "name": "lint", "ok": True, "advice": "no problems found",
    }  # fmt: skip
    write(workspace, SAMPLE + "\n@RTK.md\n")
    assert (lint_check()["ok"], lint_check()["advice"]) == (True, "1 import: memsync lint")
    write(workspace, SAMPLE + f"\n{KEY}\n")
    assert (lint_check()["ok"], lint_check()["advice"]) == (False, "1 secret: memsync lint")
