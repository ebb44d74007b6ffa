"""The example events: there for each name, whole, and consistent in themselves."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import pytest
from click.testing import CliRunner

from ric import events
from ric.cli.commands import ric

NAMES = tuple(events.DESCRIPTIONS)
HTTP_NAMES = ("alb", "apigw-v1", "apigw-v2", "function-url")


def strings(value: Any) -> Iterator[str]:
    """Returns every string in a decoded JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def seconds(text: str, pattern: str) -> float:
    """Returns a written time as seconds since the epoch."""
    return datetime.strptime(text, pattern).timestamp()


def test_each_file_has_a_description_and_each_description_a_file() -> None:
    """An example that nobody can name, or a name without an example, would be lost on users."""
    files = {path.name for path in resources.files(events).iterdir() if path.name.endswith(".json")}

    assert files == {f"{name}.json" for name in NAMES}


def test_an_unknown_example_is_refused_with_the_names_there_are() -> None:
    """Whoever mistypes a name, or tries to reach another file with it, is told the right ones."""
    for name in ("apigw", "../pyproject", "", "SQS"):
        with pytest.raises(events.UnknownExampleError, match=rf"choose one of {', '.join(NAMES)}$"):
            events.text(name)


def test_the_list_has_room_for_a_long_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """All descriptions begin in one column, with a gap in front."""
    monkeypatch.setitem(events.DESCRIPTIONS, "a-name-of-24-characters-", "what it is")

    lines = CliRunner().invoke(ric, ["events"]).output.splitlines()

    assert len(lines) == len(NAMES) + 1
    columns = {line.index(text) for line, text in zip(lines, events.DESCRIPTIONS.values(), strict=True)}
    assert columns == {26}


def test_each_load_gives_an_event_of_its_own() -> None:
    """A test that changes its event does not change that of the next."""
    first = events.load("sqs")
    first["Records"].clear()

    assert len(events.load("sqs")["Records"]) == 2


@pytest.mark.parametrize("name", NAMES)
def test_only_names_reserved_for_examples_occur(name: str) -> None:
    """Nobody's real account, host or address stands in what users copy into their own repositories."""
    found = " ".join(strings(events.load(name)))

    assert set(re.findall(r"(?<![\w-])\d{12}(?!\w)", found)) <= {"123456789012"}
    addresses = re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", found)
    assert all(address.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for address in addresses)
    assert all(host.endswith("example.com") for host in re.findall(r"@([\w.-]+)", found))


@pytest.mark.parametrize("name", HTTP_NAMES)
def test_http_events_agree_with_themselves(name: str) -> None:
    """The decoded query string, the length of the body and the host are those of the request they stand for."""
    event = events.load(name)
    headers = {key.lower(): value for key, value in event["headers"].items()}
    body = event.get("body") or ""

    if "content-length" in headers:
        assert int(headers["content-length"]) == len(body.encode())
    if body:
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["item"] == "teapot"
    if "domainName" in event["requestContext"]:
        assert event["requestContext"]["domainName"] == headers["host"]
    if "rawQueryString" in event:
        parsed = {key: ",".join(values) for key, values in parse_qs(event["rawQueryString"]).items()}
        assert event["queryStringParameters"] == parsed


def test_times_agree_with_their_epochs() -> None:
    """Code that compares the two forms of one time finds the same time."""
    log_time = "%d/%b/%Y:%H:%M:%S %z"
    for name in ("apigw-v2", "function-url"):
        context = events.load(name)["requestContext"]
        assert seconds(context["time"], log_time) * 1000 == context["timeEpoch"]
    context = events.load("apigw-v1")["requestContext"]
    assert seconds(context["requestTime"], log_time) * 1000 == context["requestTimeEpoch"]


def test_single_and_multiple_values_agree_in_rest_api_events() -> None:
    """Format 1.0 carries each header and parameter twice; the single value is the last of the several."""
    event = events.load("apigw-v1")

    for single, multiple in (
        ("headers", "multiValueHeaders"),
        ("queryStringParameters", "multiValueQueryStringParameters"),
    ):
        assert event[single] == {key: values[-1] for key, values in event[multiple].items()}


def test_sqs_digests_are_those_of_the_bodies() -> None:
    """A consumer that verifies what it receives accepts the examples."""
    for record in events.load("sqs")["Records"]:
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
        assert json.loads(record["body"])


def test_kinesis_data_and_sns_message_decode() -> None:
    """The inner documents are JSON, as the examples for consumers of such need."""
    for record in events.load("kinesis")["Records"]:
        assert json.loads(base64.b64decode(record["kinesis"]["data"], validate=True))["quantity"]
        assert record["eventID"].endswith(":" + record["kinesis"]["sequenceNumber"])
    assert json.loads(events.load("sns")["Records"][0]["Sns"]["Message"])["item"] == "teapot"


def test_the_s3_key_is_encoded_as_s3_does_it() -> None:
    """The example shows what everybody runs into: keys arrive form-encoded."""
    key = events.load("s3")["Records"][0]["s3"]["object"]["key"]

    assert unquote_plus(key) == "incoming/order 42 für Zoë.json"


def test_dynamodb_records_have_the_images_of_their_kind() -> None:
    """Insert, change and deletion each carry the images that the stream's view type promises."""
    images = {
        record["eventName"]: {"OldImage", "NewImage"} & record["dynamodb"].keys()
        for record in events.load("dynamodb")["Records"]
    }

    assert images == {"INSERT": {"NewImage"}, "MODIFY": {"OldImage", "NewImage"}, "REMOVE": {"OldImage"}}
