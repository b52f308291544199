"""`caseway test`: the repo's WorkflowTests."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from cli_world import edit

FLOW = """document: {dsl: 1.0.0, namespace: hello, name: hello, version: 1.0.0}
timeout: {after: {days: 1}}
do:
  - fetch:
      call: http
      with: {method: get, endpoint: "http://shop.example/orders/1"}
  - pause:
      wait: {hours: 3}
  - send:
      call: http
      with:
        method: post
        endpoint: http://mail.example/send
        body: {total: "${ .total }", at: "${ now | floor }"}
  - done:
      set: {mail: "${ .id }"}
"""

TEST = """apiVersion: caseway/v1
kind: WorkflowTest
metadata: {name: mails}
spec:
  workflow: hello
  clock: "2026-01-01T00:00:00Z"
  stubs:
    - request: {url: "http://shop.example/orders/*"}
      response: {status: 200, body: {total: 9}}
    - request: {method: POST, url: "http://mail.example/*"}
      response: {status: 202, body: {id: M-1}}
  expect:
    output: {mail: M-1}
    tasks: [fetch, pause, send, done]
    requests:
      - {url: "http://shop.example/orders/1"}
      - {method: POST, url: "http://mail.example/send", body: {total: 9, at: 1767236400}}
    assertions: ['${ .mail == "M-1" }']
"""

EXPECTED = "    output: {mail: M-1}\n    tasks: [fetch, pause, send, done]"
ORDER_STUB = TEST[TEST.index("    - request: {url") : TEST.index("    - request: {method")]


@pytest.fixture
def tested(project):
    """The project whose workflow reads an order, waits three hours and sends a mail."""
    (project / "use-cases/hello/workflows/hello.yaml").write_text(FLOW)
    (project / "use-cases/hello/tests/daily.yaml").unlink()
    (project / "use-cases/hello/tests/hello.yaml").write_text(TEST)
    return project


def the_test(project, before, after):
    edit(project / "use-cases/hello/tests/hello.yaml", before, after)


def test_a_passing_test_exits_with_0(caseway, tested):
    said = caseway("test", "--format", "json")
    assert said.code == 0, said.out
    assert said.json["passed"] is True
    [result] = said.json["tests"]
    assert (result["name"], result["useCase"], result["workflow"]) == ("mails", "hello", "hello")
    assert result["place"] == "use-cases/hello/tests/hello.yaml:1"


def test_text_shows_each_test_and_the_coverage(caseway, tested):
    said = caseway("test")
    assert "✓ hello: mails" in said.out
    assert "100.0 % of tasks in hello/hello" in said.out
    assert "1 passed" in said.out


@pytest.mark.parametrize(
    ("before", "after", "what", "says"),
    [
        ("{mail: M-1}", "{mail: M-2}", "output", '+  "mail": "M-1"'),
        ("done]", "send]", "tasks, in the order they started", '+  "done"'),
        ("orders/1", "orders/2", "requests", "orders/1"),
        ("total: 9, at", "total: 8, at", "requests", '"total": 9'),
        ('== "M-1"', '== "M-9"', 'assertion ${ .mail == "M-9" }', "false"),
    ],
)
def test_what_does_not_hold_is_shown_as_a_difference(caseway, tested, before, after, what, says):
    the_test(tested, before, after)
    said = caseway("test")
    assert said.code == 1
    assert what in said.out
    assert says in said.out
    assert what in [
        failure["what"] for failure in caseway("test", "--format", "json").json["tests"][0]["failures"]
    ]


def test_a_request_without_a_stub_fails_and_is_named(caseway, tested):
    the_test(tested, "mail.example/*", "other.example/*")
    said = caseway("test")
    assert said.code == 1
    assert "POST http://mail.example/send has no stub" in said.out


def test_an_error_status_passes_through_the_real_http_code(caseway, tested):
    the_test(tested, "{status: 202, body: {id: M-1}}", "{status: 503}")
    the_test(
        tested, "    output: {mail: M-1}\n    tasks: [fetch, pause, send, done]", "    error: {status: 503}"
    )
    the_test(tested, "    assertions: ['${ .mail == \"M-1\" }']\n", "")
    said = caseway("test", "--format", "json")
    assert said.code == 0, said.out
    [coverage] = said.json["coverage"]
    assert coverage["missed"] == ["/do/3/done"]
    assert coverage["percent"] == 75.0
    assert (coverage["branches"], coverage["missedBranches"], coverage["branchPercent"]) == (0, [], 100.0)


def test_coverage_below_the_bar_fails(caseway, tested):
    assert caseway("test", "--fail-under", "100").code == 0
    the_test(tested, "{status: 202, body: {id: M-1}}", "{status: 503}")
    the_test(
        tested, "    output: {mail: M-1}\n    tasks: [fetch, pause, send, done]", "    error: {status: 503}"
    )
    the_test(tested, "    assertions: ['${ .mail == \"M-1\" }']\n", "")
    assert caseway("test", "--fail-under", "80").code == 1


def test_stubs_with_the_same_matcher_answer_in_turn(caseway, tested):
    flow = FLOW.replace("  - pause:\n      wait: {hours: 3}\n", "  - again:\n      call: http\n"
                        "      with: {method: get, endpoint: 'http://shop.example/orders/1'}\n")  # fmt: skip
    (tested / "use-cases/hello/workflows/hello.yaml").write_text(flow)
    the_test(tested, ORDER_STUB, ORDER_STUB.replace("9", "1") + ORDER_STUB)
    the_test(tested, "    tasks: [fetch, pause, send, done]\n", "")
    the_test(
        tested,
        '      - {url: "http://shop.example/orders/1"}\n',
        '      - {url: "http://shop.example/orders/1"}\n' * 2,
    )
    the_test(tested, "at: 1767236400", "at: 1767225600")
    assert caseway("test").code == 0


def test_a_task_can_be_stubbed_by_name_or_reference(caseway, tested):
    for name in ("fetch", "/do/0/fetch"):
        (tested / "use-cases/hello/tests/hello.yaml").write_text(TEST)
        the_test(tested, ORDER_STUB, f"    - {{task: {name}, returns: {{total: 9}}}}\n")
        assert caseway("test").code == 0


def test_processes_without_a_stub_run_only_when_allowed(caseway, tested):
    (tested / "use-cases/hello/workflows/hello.yaml").write_text(
        FLOW[: FLOW.index("do:")] + "do:\n  - hi:\n      run: {shell: {command: 'echo hi'}}\n"
    )
    (tested / "use-cases/hello/tests/hello.yaml").write_text(
        TEST[: TEST.index("  clock")] + '  expect: {output: "hi\\n"}\n'
    )
    said = caseway("test")
    assert said.code == 1
    assert "has no stub" in said.out
    assert caseway("test", "--allow-processes").code == 0


def test_junit_is_xml_with_the_failure(caseway, tested):
    the_test(tested, "{mail: M-1}", "{mail: M-2}")
    said = caseway("test", "--format", "junit")
    suite = ElementTree.fromstring(said.out)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "M-2" in (failure.text or "")


SCORED = """    assertions:
      - '${ .mail == "M-1" }'
      - {name: near enough, score: '${ (.mail | length) / 4 }', threshold: %s}
      - {score: '${ .mail == "M-1" }'}
"""


def scored(tested, threshold):
    the_test(tested, """    assertions: ['${ .mail == "M-1" }']\n""", SCORED % threshold)


def test_a_score_passes_from_its_threshold_on_and_is_told(caseway, tested):
    scored(tested, 0.75)
    said = caseway("test", "--format", "json")
    assert said.code == 0
    assert said.json["tests"][0]["scores"] == [
        {"name": "near enough", "score": 0.75, "threshold": 0.75, "passed": True},
        {"name": '${ .mail == "M-1" }', "score": 1.0, "threshold": 1.0, "passed": True},
    ]
    assert "0.75 of 0.75 near enough" in caseway("test").out
    suite = ElementTree.fromstring(caseway("test", "--format", "junit").out)
    told = {node.get("name"): node.get("value") for node in suite.findall("testcase/properties/property")}
    assert told["score.near enough"] == "0.75"


def test_a_score_below_its_threshold_fails(caseway, tested):
    scored(tested, 0.8)
    said = caseway("test")
    assert said.code == 1
    assert "score near enough: expected 0.8, got 0.75" in said.out


@pytest.mark.parametrize("score", ["${ 2 }", "${ -0.1 }", '${ "a lot" }', "${ null }", "${ .mail.x }"])
def test_a_score_is_a_number_from_0_to_1(caseway, tested, score):
    line = f"    assertions: [{{name: odd, score: '{score}', threshold: 0}}]\n"
    the_test(tested, """    assertions: ['${ .mail == "M-1" }']\n""", line)
    said = caseway("test")
    assert said.code == 1
    assert 'score odd: expected "a number from 0 to 1"' in said.out


def test_an_expression_of_a_score_that_cannot_be_read_is_found_by_validation(caseway, tested):
    the_test(
        tested, """    assertions: ['${ .mail == "M-1" }']\n""", "    assertions: [{score: '${ .a == }'}]\n"
    )
    said = caseway("validate", "--format", "json")
    found = [(one["code"], one["pointer"]) for one in said.json["diagnostics"]]
    assert ("CW513", "/spec/expect/assertions/0/score") in found


def test_junit_has_the_coverage_as_properties(caseway, tested):
    edit(
        tested / "use-cases/hello/workflows/hello.yaml",
        "  - done:\n",
        '  - done:\n      if: .id != "M-0"\n',
    )
    suite = ElementTree.fromstring(caseway("test", "--format", "junit").out)
    told = {node.get("name"): node.get("value") for node in suite.findall("properties/property")}
    assert told == {
        "coverage.hello/hello.tasks": "100.0",
        "coverage.hello/hello.branches": "50.0",
        "coverage.hello/hello.missedBranches": "/do/3/done if false",
    }


def test_tests_can_be_chosen_by_name_and_path(caseway, project):
    names = [item["name"] for item in caseway("test", "-k", "world", "--format", "json").json["tests"]]
    assert names == ["greets-the-world-when-nobody-is-named"]
    below = caseway("test", "use-cases/hello/tests/daily.yaml", "--format", "json").json["tests"]
    assert [item["name"] for item in below] == ["counts-everybody"]


def test_where_there_are_no_tests_it_says_so(caseway, project):
    said = caseway("test", "-k", "nothing-like-it", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "no-tests"


def test_a_test_of_an_unknown_workflow_fails(caseway, tested):
    the_test(tested, "workflow: hello", "workflow: nobody")
    said = caseway("test")
    assert said.code == 1
    assert "no workflow 'nobody'" in said.out
