"""Go templates, as docker --format takes them. Expected texts: what Docker prints."""

from __future__ import annotations

from typing import Any

import pytest

from glm47_tui.demo.sim.docker.template import TemplateError, render

DATA: dict[str, Any] = {
    "Id": "abc", "State": {"Running": True, "Pid": 7, "Error": ""},
    "HostConfig": {
        "Binds": ["/a:/b", "/c:/d"], "Devices": [{"PathOnHost": "/dev/x", "PathInContainer": "/y"}],
        "Ulimits": None,
    },
    "Config": {"Env": ["A=1", "B=2"], "Labels": {"k": "v", "a": "b"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.Id}} {{.State.Running}}", "abc true"),
        ("{{json .State}}", '{"Running":true,"Pid":7,"Error":""}'),
        ('{{range .Config.Env}}env {{.}}{{"\\n"}}{{end}}', "env A=1\nenv B=2\n"),
        ("{{range .HostConfig.Devices}}{{.PathOnHost}}:{{.PathInContainer}} {{end}}", "/dev/x:/y "),
        ("{{range $i, $e := .Config.Env}}{{$i}}={{$e}} {{end}}", "0=A=1 1=B=2 "),
        ("{{range $k, $v := .Config.Labels}}{{$k}}{{$v}};{{end}}", "ab;kv;"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .State.Error}}bad{{else if eq .State.Pid 7}}seven{{else}}good{{end}}", "seven"),
        ("{{with .State}}{{.Pid}} {{$.Id}}{{end}}", "7 abc"),
        ("{{range .HostConfig.Ulimits}}x{{else}}none{{end}}", "none"),
        ('{{join .HostConfig.Binds ","}}', "/a:/b,/c:/d"),
        ('{{index .Config.Labels "k"}} {{len .Config.Env}}', "v 2"),
        ('{{.Id | printf "%s!"}}', "abc!"),
        ('{{printf "%d-%v" .State.Pid (index .Config.Env 0)}}', "7-A=1"),
        ("a {{- .Id -}} b", "aabcb"),
        ('{{range .Config.Env}}{{println .}}{{end}}', "A=1\nB=2\n"),
        ("{{.HostConfig.Binds}} {{.Config.Labels}}", "[/a:/b /c:/d] map[a:b k:v]"),
        ("{{/* a comment */}}x", "x"),
        ("{{and .State.Running .Id}} {{not .State.Running}}", "abc false"),
        (r"{{.Id}}\t{{.Id}}", "abc\tabc"),
    ],
)  # fmt: skip
def test_rendered(template: str, expected: str) -> None:
    assert render(template, DATA) == expected


@pytest.mark.parametrize(
    "template",
    ["{{.Nothing}}", "{{.State.Pid.x}}", "{{nofunc .}}", "{{if .Id}}", "{{$x}}", "{{end}}"],
)
def test_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, DATA)
