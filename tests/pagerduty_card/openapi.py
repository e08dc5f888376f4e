"""PagerDuty's published OpenAPI as a judge of requests and answers.

``validate_answer`` and ``validate_request`` raise ``ContractViolation`` with every reason they
find. The documents are read from the folder named by PAGERDUTY_OPENAPI_DIR.

Five things are read differently from the letter, because PagerDuty's own answers do:

* any field that is not required may be null, except lists (PagerDuty says so in its conventions);
* ``oneOf`` means at least one: several of the published alternatives cannot be told apart;
* ``format: url`` is an absolute address of any host;
* the log entry of an acknowledgement is of the type that log entries may have: the document
  names another one in a second place, so that no value at all would do;
* a list of overrides is answered with 200; the document has the 201 of their creation there.
"""

import datetime as dt
import functools
import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import available_timezones

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FOLDER = os.environ.get("PAGERDUTY_OPENAPI_DIR", "")
needs_openapi = pytest.mark.skipif(
    not FOLDER, reason="PAGERDUTY_OPENAPI_DIR is not set: PagerDuty's OpenAPI is not at hand"
)

VENDOR_JSON = "application/vnd.pagerduty+json;version=2"
MAX_PAGE = 100
MAX_DEPTH = 10_000
MAX_LENGTHS = {"summary": 1024, "dedup_key": 255}

# The full schemas that an ``include[]`` puts in the place of references.
EXPANDS = {
    "acknowledgers": {"User", "Service"},
    "agents": {"User", "Service", "Integration"},
    "assignees": {"User"},
    "escalation_policies": {"EscalationPolicy"},
    "first_trigger_log_entries": set(),
    "incidents": {"Incident"},
    "integrations": {"Integration"},
    "priorities": {"Priority"},
    "schedules": {"Schedule"},
    "services": {"Service"},
    "targets": {"User", "Schedule"},
    "teams": {"Team"},
    "users": {"User"},
    "vendors": {"Vendor"},
}


class ContractViolation(AssertionError):
    """A request or an answer does not follow PagerDuty's published contract."""

    def __init__(self, where, problems):
        super().__init__("\n  ".join([where, *problems]))
        self.problems = problems


def validate_answer(method, path, status, body, includes=()):
    """Raise unless ``body`` is what the contract says ``path`` answers with ``status``.

    Args:
        method: For example ``GET``.
        path: Of REST v2, or of Events v2 from ``/v2/enqueue`` on; without the query string.
        status: The answer's status code.
        body: The parsed JSON.
        includes: The values of ``include[]``: those sub-objects may be full instead of references.
    """
    document, operation, where = _operation(method, path)
    responses = operation["responses"]
    name = next((n for n in (str(status), f"{status // 100}XX") if n in responses), None)
    if name is None:
        raise ContractViolation(where, [f"{status} is not a documented answer"])
    response = _follow(document, responses[name])
    if "content" not in response:
        return
    expanded = frozenset().union(*(EXPANDS.get(include, set()) for include in includes))
    schema = _schema_of(response)
    _raise_any(where, _errors(document, schema, body, expanded))


def validate_request(method, url, headers, body=None):
    """Raise unless the request is one the contract allows.

    Also catches what the published document leaves open: a ``limit`` over 100, instants that
    cannot be read, names it does not know, and the rules of Events v2 that stand in its prose.

    Args:
        method: For example ``GET``.
        url: Whole, with its query string; any host.
        headers: By name, case does not matter.
        body: Bytes, text, or parsed JSON; None when there is none.
    """
    parts = urlsplit(url)
    document, operation, where = _operation(method, parts.path)
    headers = {name.lower(): value for name, value in headers.items()}
    if isinstance(body, bytes | str):
        body = json.loads(body) if body else None
    parameters = [_follow(document, p) for p in operation.get("parameters", [])]
    problems = [
        *_header_problems(parameters, headers),
        *_query_problems(document, parameters, parse_qsl(parts.query, keep_blank_values=True)),
        *_body_problems(document, operation, body, headers),
    ]
    if parts.path.endswith("/enqueue") and isinstance(body, dict):
        problems += _event_problems(body)
    elif "/v2/" not in parts.path and not headers.get("authorization"):
        problems.append("there is no Authorization header")
    _raise_any(where, problems)


def _raise_any(where, problems):
    if problems:
        raise ContractViolation(where, problems)


@functools.cache
def document_of(name):
    """One of the published documents; do not change what it returns."""
    found = json.loads((Path(FOLDER) / name).read_text())
    entry = found["components"]["schemas"].get("AcknowledgeLogEntry")
    if entry:
        entry["allOf"][1]["properties"]["type"]["enum"] = ["acknowledge_log_entry"]
        responses = found["paths"]["/schedules/{id}/overrides"]["get"]["responses"]
        responses["200"] = responses["201"]
    return found


@functools.cache
def _operation(method, path):
    """The document, the operation in it, and words for both."""
    if path.startswith("/v2/"):
        document, path = document_of("events-v2.json"), path.removeprefix("/v2")
    else:
        document = document_of("rest-v2.json")
    for template in sorted(document["paths"], key=lambda t: t.count("{")):
        if re.fullmatch(re.sub(r"\\{[^/]+\\}", "[^/]+", re.escape(template)), path):
            item = document["paths"][template]
            if method.lower() in item:
                operation = dict(item[method.lower()])
                operation["parameters"] = [
                    *item.get("parameters", []),
                    *operation.get("parameters", []),
                ]
                return document, operation, f"{method} {template}"
    raise ContractViolation(f"{method} {path}", ["there is no such address"])


def _follow(document, part):
    """What a ``$ref`` stands for, as far as it goes."""
    while isinstance(part, dict) and "$ref" in part:
        part = _at(document, part["$ref"])
    return part


def _at(document, ref):
    part = document
    for name in ref.removeprefix("#/").split("/"):
        name = name.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
        part = part[int(name)] if isinstance(part, list) else part[name]
    return part


def _schema_of(holder):
    """The schema of a request's or response's JSON, whichever of its media types there is."""
    media = next(iter(holder["content"].values()))
    return media["schema"]


# Schemas --------------------------------------------------------------------------------------
FORMATS = FormatChecker(formats=())


def _is_moment(value):
    if not isinstance(value, str):
        return True
    found = dt.datetime.fromisoformat(value)
    return found.tzinfo is not None


def _is_address(value):
    parts = urlsplit(value) if isinstance(value, str) else None
    return parts is None or bool(parts.scheme and (parts.netloc or parts.path))


@functools.cache
def _time_zones():
    return available_timezones()  # which reads all of them from the disk


FORMATS.checks("date-time", raises=ValueError)(_is_moment)
FORMATS.checks("url", raises=ValueError)(_is_address)
FORMATS.checks("uri", raises=ValueError)(_is_address)
FORMATS.checks("email")(lambda value: not isinstance(value, str) or "@" in value[1:-1])
for _name in ("tzinfo", "activesupport-time-zone"):
    FORMATS.checks(_name)(lambda v: not isinstance(v, str) or v in _time_zones())


def _nullable_type(validator, types, instance, schema):
    if instance is None and schema.get("nullable"):
        return
    yield from Draft202012Validator.VALIDATORS["type"](validator, types, instance, schema)


def _nullable_enum(validator, enum, instance, schema):
    if instance is None and schema.get("nullable"):
        return
    yield from Draft202012Validator.VALIDATORS["enum"](validator, enum, instance, schema)


def _properties(validator, properties, instance, schema):
    if not isinstance(instance, dict):
        return
    required = schema.get("required", [])
    for name, inner in properties.items():
        if name not in instance:
            continue
        may_be_null = name not in required and inner.get("type") != "array"
        if instance[name] is None and may_be_null:
            continue
        yield from validator.descend(instance[name], inner, path=name, schema_path=name)


def _discriminator(validator, discriminator, instance, schema):
    name = discriminator["propertyName"]
    if not isinstance(instance, dict):
        return
    if name not in instance:
        yield ValidationError(f"{name!r} tells the alternatives apart and is missing")
    elif (ref := discriminator.get("mapping", {}).get(instance[name])) is not None:
        yield from validator.descend(instance, {"$ref": ref})


def _any_of(validator, alternatives, instance, schema):
    yield from Draft202012Validator.VALIDATORS["anyOf"](validator, alternatives, instance, schema)


@functools.cache
def _validator_class(expanded):
    """A validator that takes the full objects named by ``expanded`` where references stand."""

    def ref(validator, pointer, instance, schema):
        name = pointer.rpartition("/")[2]
        full = name.removesuffix("Reference")
        kind = instance.get("type") if isinstance(instance, dict) else None
        is_full = isinstance(kind, str) and not kind.endswith("_reference")
        # Targets and agents are references to one of several kinds.
        names = {"EscalationTarget", "Agent", "Acknowledger"} & {full}
        if is_full and name != full:
            for candidate in sorted(expanded):
                if (candidate == full or names) and _kind_of(candidate) in kind:
                    pointer = f"#/components/schemas/{candidate}"
        yield from Draft202012Validator.VALIDATORS["$ref"](validator, pointer, instance, schema)

    return extend(
        Draft202012Validator,
        {
            "$ref": ref,
            "type": _nullable_type,
            "enum": _nullable_enum,
            "properties": _properties,
            "oneOf": _any_of,
            "discriminator": _discriminator,
        },
    )


def _kind_of(schema_name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", schema_name).lower()


def _errors(document, schema, instance, expanded=frozenset()):
    # The wanted schema becomes a part of the document, so that its references find their way.
    whole = Resource(contents={**document, "x-wanted": schema}, specification=DRAFT202012)
    validator = _validator_class(expanded)(
        {"$ref": "urn:pagerduty#/x-wanted"},
        registry=Registry().with_resource("urn:pagerduty", whole),
        format_checker=FORMATS,
    )
    return [
        f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
        for error in validator.iter_errors(instance)
    ]


# Requests -------------------------------------------------------------------------------------
def _header_problems(parameters, headers):
    problems = []
    for parameter in parameters:
        if parameter["in"] != "header" or not parameter.get("required"):
            continue
        name, value = parameter["name"], headers.get(parameter["name"].lower())
        allowed = parameter["schema"].get("enum")
        if value is None:
            problems.append(f"there is no {name} header")
        elif allowed and value not in allowed:
            problems.append(f"{name} is {value!r}, not {' or '.join(allowed)}")
        elif name == "Accept" and value != VENDOR_JSON:
            problems.append(f"Accept is {value!r}, not {VENDOR_JSON}")
    return problems


def _query_problems(document, parameters, pairs):
    known = {p["name"]: p for p in parameters if p["in"] == "query"}
    problems = []
    for name, value in pairs:
        if name not in known:
            problems.append(f"{name} is not a documented parameter")
            continue
        schema = _follow(document, known[name]["schema"])
        if schema.get("type") == "array":
            schema = _follow(document, schema.get("items", {}))
        problems += [f"{name}: {p}" for p in _value_problems(name, value, schema)]
    values = dict(pairs)
    for name in {n for n, _ in pairs if not n.endswith("[]")}:
        if sum(n == name for n, _ in pairs) > 1 and not _repeats(document, known.get(name)):
            problems.append(f"{name} is given more than once")
    limit, offset = values.get("limit", "25"), values.get("offset", "0")
    if limit.isdigit() and offset.isdigit():
        if not 1 <= int(limit) <= MAX_PAGE:
            problems.append(f"limit {limit} is not 1 to {MAX_PAGE}")
        if int(limit) + int(offset) > MAX_DEPTH:
            problems.append(f"limit and offset are more than {MAX_DEPTH} together")
    return problems


def _repeats(document, parameter):
    """Whether several values are several parameters of the same name, as OpenAPI has it."""
    is_list = parameter and _follow(document, parameter["schema"]).get("type") == "array"
    return bool(is_list) and parameter.get("explode", True)


def _value_problems(name, value, schema):
    if schema.get("type") == "integer" and not value.isdigit():
        yield f"{value!r} is not a number"
    if schema.get("type") == "boolean" and value not in {"true", "false"}:
        yield f"{value!r} is not true or false"
    if schema.get("enum") and value not in schema["enum"]:
        yield f"{value!r} is not one of {schema['enum']}"
    if name in {"since", "until"}:
        try:
            is_aware = dt.datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            is_aware = False
        if not is_aware:
            yield f"{value!r} is not an instant with its zone"


def _body_problems(document, operation, body, headers):
    wanted = _follow(document, operation.get("requestBody"))
    if wanted is None:
        return [] if body is None else ["there is a body, and none is wanted"]
    if body is None:
        return ["there is no body"] if wanted.get("required", True) else []
    schema = _follow(document, _schema_of(wanted))
    problems = _errors(document, schema, body)
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        problems.append("Content-Type is not application/json")
    return problems + _unknown_fields(document, schema, body, "body")


def _unknown_fields(document, schema, value, where):
    """Fields the document does not know, as deep as it names any."""
    schema = _follow(document, schema)
    if isinstance(value, list):
        return [
            problem
            for index, item in enumerate(value)
            for problem in _unknown_fields(
                document, schema.get("items", {}), item, f"{where}.{index}"
            )
        ]
    known = _known_fields(document, schema)
    if not isinstance(value, dict) or not known:
        return []
    problems = [f"{where}.{name} is not documented" for name in value if name not in known]
    for name, inner in value.items():
        if name in known:
            problems += _unknown_fields(document, known[name], inner, f"{where}.{name}")
    return problems


def _known_fields(document, schema):
    known = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        known |= _known_fields(document, _follow(document, part))
    return known


def _event_problems(body):
    """The rules of Events v2 that stand in its documentation's prose."""
    problems = []
    key, action = body.get("routing_key", ""), body.get("event_action", "trigger")
    payload = body.get("payload")
    if len(key) != 32:
        problems.append(f"routing_key has {len(key)} characters, not 32")
    if action == "trigger" and not isinstance(payload, dict):
        problems.append("there is no payload")
    if action in {"acknowledge", "resolve"} and not body.get("dedup_key"):
        problems.append(f"{action} needs a dedup_key")
    for name, value in {**(payload or {}), **body}.items():
        if isinstance(value, str) and len(value) > MAX_LENGTHS.get(name, len(value)):
            problems.append(f"{name} has {len(value)} characters, over {MAX_LENGTHS[name]}")
    if not str((payload or {"summary": "-"}).get("summary", "")).strip():
        problems.append("payload.summary is blank")
    if len(json.dumps(body).encode()) > 512 * 1024:
        problems.append("the event is over 512 KB")
    return problems
