"""The format's accept and reject vectors, one case each: fields, kinds and references."""

import pytest

from catalog.refs import EntityRef, InvalidRefError
from tests.catalog.descriptors import (
    API,
    BASE,
    MISSING,
    SCAFFOLDER,
    TEMPLATE,
    descriptor,
    of_kind,
    problems,
)


def accepts(path, value, base=BASE):
    found = problems(descriptor(path, value, base))
    assert not found, found


def refuses(path, value, base=BASE):
    found = problems(descriptor(path, value, base))
    assert found
    return found


NAME = ("metadata", "name")
NAMESPACE = ("metadata", "namespace")
LONG = "a" * 64


@pytest.mark.parametrize("name", ["a", "1", "A-b_c.D", "a..b", "a--b", "a" * 63])
def test_accepts_name(name):
    accepts(NAME, name)


@pytest.mark.parametrize(
    "name",
    ["-a", "a-", "_a", "a_", ".a", "a b", "a/b", "a:b", "å", LONG, 1, "", None, MISSING, "a\n"],
)
def test_refuses_name(name):
    refuses(NAME, name)


@pytest.mark.parametrize("namespace", ["default", "1", "a--b", "a" * 63, MISSING])
def test_accepts_namespace(namespace):
    accepts(NAMESPACE, namespace)


@pytest.mark.parametrize("namespace", ["Default", "a_b", "a.b", "-a", "", None, LONG])
def test_refuses_namespace(namespace):
    refuses(NAMESPACE, namespace)


@pytest.mark.parametrize("version", ["backstage.io/v1alpha1", "backstage.io/v1beta1"])
def test_accepts_api_version(version):
    accepts(("apiVersion",), version)


@pytest.mark.parametrize(
    "version",
    [
        *("backstage.io/v1", "backstage.io/v1beta3", "v1", "1.0", "Backstage.io/v1alpha1", "a/b/c"),
        *("backstage.io/v1-a", "scaffolder.backstage.io/v1beta3", 1, None, "", MISSING),
    ],
)
def test_refuses_api_version(version):
    refuses(("apiVersion",), version)


@pytest.mark.parametrize(
    "kind", ["component", "COMPONENT", "Custom", "Comp-x", "1C", "", None, 1, MISSING, "Airesource"]
)
def test_refuses_kind(kind):
    refuses(("kind",), kind)


@pytest.mark.parametrize("tag", ["java", "c++", "c#", "a:b", "a-b", "a" * 63])
def test_accepts_tag(tag):
    accepts(("metadata", "tags"), [tag, tag])


@pytest.mark.parametrize("tag", ["Java", "a--b", "-a", "a_b", "a.b", "é", "", LONG, 1, None])
def test_refuses_tag(tag):
    refuses(("metadata", "tags"), [tag])


@pytest.mark.parametrize(
    ("key", "value"),
    [("a", "b"), ("a/b", "c"), ("a.b/c_d.E", "x"), ("a", ""), ("a--b.c/x", "1"), ("a", "b" * 63)],
)
def test_accepts_label(key, value):
    accepts(("metadata", "labels"), {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("A.com/b", "x"), ("a/b/c", "x"), ("a/", "x"), ("/a", "x"), ("-a", "x"), ("", "x")),
        *(("a", "b c"), ("a", "-x"), ("a", LONG), ("a", 1), ("a", None), ("a", True)),
    ],
)
def test_refuses_label(key, value):
    refuses(("metadata", "labels"), {key: value})


@pytest.mark.parametrize("value", ["", "x", "any text at all: ü\n" * 100])
def test_accepts_annotation(value):
    accepts(("metadata", "annotations"), {"pagerduty.com/service-id": value})


@pytest.mark.parametrize("value", [1, True, None, [], {}])
def test_refuses_annotation_that_is_no_text(value):
    refuses(("metadata", "annotations"), {"a": value})


PREFIX = ".".join(["a" * 62] * 4)


@pytest.mark.parametrize(
    "key", ["PagerDuty.com/x", "a b", LONG, f"{PREFIX}aa.bb/x", f"{LONG}.com/x"]
)
def test_refuses_annotation_key(key):
    refuses(("metadata", "annotations"), {key: "x"})


def test_accepts_the_longest_annotation_key():
    accepts(("metadata", "annotations"), {f"{PREFIX}/{'n' * 63}": "x"})


@pytest.mark.parametrize(
    "url", ["https://a", "mailto:x", "x:y", "javascript:alert(1)", "https://a/b?c#d"]
)
def test_accepts_link(url):
    accepts(
        ("metadata", "links"), [{"url": url, "title": "t", "icon": "i", "type": "x", "more": 1}]
    )


@pytest.mark.parametrize(
    "link",
    [
        *(
            {"url": "a"},
            {"url": "/rel"},
            {"url": ""},
            {},
            {"url": 1},
            "https://a",
            {"url": "https://"},
        ),
        *({"url": "https://a", "title": ""}, {"url": "https://a", "title": " "}),
        *({"url": "https://a", "icon": " "}, {"url": "https://a", "type": ""}),
        *(
            {"url": "http://a b"},
            {"url": "http://x:99999"},
            {"url": "http://[zz]"},
            {"url": "http://1.2.3.4.5"},
        ),
    ],
)
def test_refuses_link(link):
    refuses(("metadata", "links"), [link])


@pytest.mark.parametrize(
    ("key", "value"),
    [("description", ""), ("annotations", None), ("own", {"x": [1]}), ("uid", "x"), ("etag", "x")],
)
def test_accepts_metadata(key, value):
    accepts(("metadata", key), value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("title", ""), ("title", 1), ("description", None), ("labels", None), ("tags", None)),
        *(("tags", "java"), ("links", None), ("links", {}), ("annotations", []), ("labels", [])),
    ],
)
def test_refuses_metadata(key, value):
    refuses(("metadata", key), value)


@pytest.mark.parametrize("key", ["extra", "relations", "status", "Spec"])
def test_refuses_foreign_root_field(key):
    refuses((key,), [])


@pytest.mark.parametrize("spec", [None, MISSING, [], "x"])
def test_refuses_spec(spec):
    refuses(("spec",), spec)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("extra", {"x": 1}),
        ("dependsOn", []),
        ("dependencyOf", "component:a"),
        ("type", "anything at all"),
    ],
)
def test_accepts_component_spec(key, value):
    accepts(("spec", key), value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("owner", ""), ("owner", 1), ("owner", None), ("owner", "a/"), ("lifecycle", MISSING)),
        *(("system", None), ("dependsOn", None), ("dependsOn", "component:a"), ("dependsOn", [""])),
        *(
            ("dependsOn", ["bare"]),
            ("subcomponentOf", ["a"]),
            ("providesApis", "a"),
            ("dependencyOf", "bare"),
        ),
        *(("dependencyOf", [1]), ("owner", "x" * 600)),
    ],
)
def test_refuses_component_spec(key, value):
    refuses(("spec", key), value)


MCP_SERVER = {
    **{key: value for key, value in API.items() if key != "definition"},
    "type": "mcp-server",
    "remotes": [{"type": "streamable-http", "url": "https://mcp.example.com/mcp"}],
}


AI = {"type": "skill", "lifecycle": "production", "owner": "o", "system": "s"}
SKILL_LISTS = {name: ["web"] for name in ("disciplines", "categories", "agents")}
RULE = {**AI, "type": "rule", "disciplines": ["web"], "category": "style", "rationale": "One look"}


@pytest.mark.parametrize(
    "data",
    [
        of_kind("AiResource", {**AI, **SKILL_LISTS, "dependsOn": ["airesource:base"]}),
        of_kind("AiResource", RULE),
        of_kind("AiResource", {**AI, "type": "agent", "disciplines": 1}),
        of_kind("API", API),
        of_kind("API", {**API, "definition": {"$text": "./api.yaml"}}),
        of_kind("API", MCP_SERVER),
        of_kind("API", {**API, "type": "mcp-server"}),
        of_kind("Group", {"type": "team", "children": []}),
        of_kind("User", {"memberOf": []}),
        of_kind("Resource", {"type": "db", "owner": "o"}),
        of_kind("System", {"owner": "o"}),
        of_kind("Domain", {"owner": "o", "subdomainOf": "d", "type": "x"}),
        of_kind("Location", {}),
        of_kind("Location", {"targets": ["./a"], "presence": "optional", "type": "url"}),
        of_kind("Template", TEMPLATE, SCAFFOLDER),
        of_kind(
            "Template",
            {**TEMPLATE, "parameters": [{"title": "x"}], "output": {"a": "b"}},
            SCAFFOLDER,
        ),
    ],
)
def test_accepts_kind(data):
    assert not problems(data)


@pytest.mark.parametrize(
    "data",
    [
        of_kind("API", {**API, "definition": {"openapi": "3"}}),
        of_kind("API", {k: v for k, v in API.items() if k != "definition"}),
        of_kind("API", {**MCP_SERVER, "type": "openapi"}),
        of_kind("API", {**MCP_SERVER, "remotes": None}),
        of_kind("API", {**MCP_SERVER, "remotes": [{"type": "sse"}]}),
        of_kind("Group", {"type": "team"}),
        of_kind("Group", {"type": "team", "children": None}),
        of_kind("Group", {"type": "team", "children": [], "profile": {"email": ""}}),
        of_kind("User", {}),
        of_kind("User", {"memberOf": ["team", None]}),
        of_kind("Resource", {"owner": "o"}),
        of_kind("System", {}),
        of_kind("Domain", {}),
        of_kind("Location", {"presence": "maybe"}),
        of_kind("Location", {"targets": None}),
        of_kind("AiResource", {**AI, "disciplines": "web"}),
        of_kind("AiResource", {**AI, "dependsOn": ["bare"]}),
        of_kind("AiResource", {**RULE, "rationale": ""}),
        of_kind("AiResource", {key: value for key, value in RULE.items() if key != "category"}),
        of_kind("AiResource", {**AI, "type": "agent", "lifecycle": None}),
        of_kind("AiResource", {**AI, "type": ["skill"]}),
        of_kind("Template", TEMPLATE),
        of_kind("Template", {"type": "x", "steps": {}}, SCAFFOLDER),
        of_kind("Template", {"type": "x", "steps": [{"id": "x"}]}, SCAFFOLDER),
        of_kind("Template", {**TEMPLATE, "parameters": [None]}, SCAFFOLDER),
        of_kind("Template", {**TEMPLATE, "output": {"a": {}}}, SCAFFOLDER),
        of_kind("Component", BASE["spec"], SCAFFOLDER),
    ],
)
def test_refuses_kind_spec(data):
    assert problems(data)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("component", "ns", "a")),
        ("a:b", ("a", "ns", "b")),
        ("a/b", ("component", "a", "b")),
        ("a:b/c", ("a", "b", "c")),
        ("a:b:c", ("a", "ns", "b:c")),
        ("a/b:c", ("component", "a", "b:c")),
        ("a/b/c", ("component", "a", "b/c")),
        (" a ", ("component", "ns", " a ")),
        ("Group:NS/Team", ("group", "ns", "team")),
    ],
)
def test_reads_reference(text, parts):
    found = EntityRef.parse(text, default_kind="Component", default_namespace="ns")
    assert (found.kind, found.namespace, found.name) == parts


@pytest.mark.parametrize("text", ["", "a:", ":a", "/a", "a/", "a:/b", "a:b/", ":", "/"])
def test_refuses_reference(text):
    with pytest.raises(InvalidRefError):
        EntityRef.parse(text, default_kind="Component", default_namespace="ns")
