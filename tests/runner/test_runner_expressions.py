"""Expressions: what they give, and that hostile ones neither hang nor fill memory."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway_runner import ExpressionError, compile_expression
from caseway_runner.jq_text import read
from caseway_runner.sandbox import Bounds, Sandbox

QUICK = Bounds(seconds=0.5, memory_bytes=128 * 1024 * 1024, result_bytes=1024 * 1024)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)

HOSTILE = [
    "[range(1e9)]",
    "until(false; .)",
    "[repeat(1)]",
    "last(repeat(1))",
    "def f: f + f; f",
    "def f: f; f",
    "reduce range(1000000000) as $i (0; . + $i)",
    "[limit(1000000000; repeat(0))] | length",
    "[recurse(. + 1)] | length",
    '"a" * 2000000000',
    '[range(60)] | reduce .[] as $i ("a"; . + .) | length',
    " | ".join(["[., .]"] * 40) + " | tojson | length",
    " | ".join(["[., .]"] * 40) + " | flatten | length",
    '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" | test("^(a+)+$")',
    ".[1000000000] = 1",
    "[combinations(30)]",
    "[range(1e5)] | [.[] as $a | .[] as $b | $a + $b] | length",
    " | ".join(["@json"] * 40) + " | length",
    " | ".join(["@sh"] * 60) + " | length",
    "while(true; .)",
    '[splits("a*")]',
    "first(inputs)",
]


@pytest.mark.parametrize("program", HOSTILE)
def test_a_hostile_expression_ends_as_an_error_or_harmlessly_in_bounded_memory(program: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        value = compile_expression(program).evaluate("x'\"", {}, QUICK)
        assert len(json.dumps(value)) < 2 * 1024 * 1024
    except ExpressionError:
        pass
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_a_product_of_loops_over_a_large_input_does_not_hang_this_process() -> None:
    items = list(range(3000))
    with pytest.raises(ExpressionError):
        compile_expression("[.[] + .[] + .[]] | length").evaluate(items, {}, QUICK)


def test_after_a_hostile_expression_the_next_one_works() -> None:
    with pytest.raises(ExpressionError, match="took longer"):
        compile_expression("until(false; .)").evaluate(None, {}, QUICK)
    assert compile_expression("[range(3)]").evaluate(None, {}, QUICK) == [0, 1, 2]


def test_what_the_machine_lets_an_expression_wait_does_not_count() -> None:
    sandbox, computes = Sandbox(Bounds(seconds=2.0)), "[range(100000)] | length"
    assert sandbox.run("1", "null") == [1]
    helper, ended = sandbox._idle[0].process, threading.Event()

    def hold_up() -> None:
        while not ended.wait(0.003):
            helper.send_signal(signal.SIGSTOP)
            is_over = ended.wait(0.1)
            helper.send_signal(signal.SIGCONT)
            if is_over:
                return

    holding = threading.Thread(target=hold_up)
    holding.start()
    try:
        assert sandbox.run(computes, "null") == [100000]
    finally:
        ended.set()
        holding.join()
        sandbox.close()


def test_no_helper_outlives_the_process() -> None:
    script = (
        "from caseway_runner import compile_expression as c; from caseway_runner.sandbox import *;"
        "c('[range(2)]').evaluate(None, {}); p = shared_sandbox(Bounds())._idle[0].process.pid; print(p)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    alive = subprocess.run(["ps", "-p", done.stdout.strip()], capture_output=True, check=False)
    assert alive.returncode == 1


@pytest.mark.parametrize(
    "program",
    [
        "env",
        "$ENV",
        "$ENV.PATH",
        "input",
        "[inputs]",
        "debug",
        "input_filename",
        "halt",
        'import "a" as a; 1',
        'include "a"; 1',
        "$__w",
        "$__prog_args",
        "modulemeta",
        '"\\(env)"',
        "{a: env}",
        "{(env | tojson): 1}",
    ],
)
def test_what_reaches_outside_is_refused(program: str) -> None:
    with pytest.raises(ExpressionError, match="may not be used"):
        compile_expression(program)


@pytest.mark.parametrize(
    "program",
    ["1) | (2", ".a)", "(.a", '"open', ".a |", "1 # comment \\", "}", "", "  ", ".a b", "\x00", "if"],
)
def test_what_is_not_a_program_does_not_compile(program: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(program)


def test_a_comment_cannot_swallow_what_follows() -> None:
    assert compile_expression(".a # the end").evaluate({"a": 1}, {}) == 1


def test_keys_that_look_like_refused_words_are_fine() -> None:
    expression = compile_expression("{env: .env, input, halt: 1}")
    assert expression.evaluate({"env": 5, "input": 6}, {}) == {"env": 5, "input": 6, "halt": 1}


def test_arguments_are_bound_by_name() -> None:
    expression = compile_expression("${ $context.a + $item + .x }")
    assert expression.variables == {"context", "item"}
    assert expression.evaluate({"x": 1}, {"context": {"a": 10}, "item": 100}) == 111


def test_a_variable_the_program_binds_itself_is_not_an_argument() -> None:
    expression = compile_expression(".a as $x | [.b[] as {k: $k} | $k + $x + $given]", ["given"])
    assert expression.variables == {"given"}
    assert expression.evaluate({"a": 1, "b": [{"k": 2}]}, {"given": 3}) == [6]


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(ExpressionError, match=r"unknown variable \$nope"):
        compile_expression("$nope + 1", ["context"])


def test_now_is_the_time_given() -> None:
    assert compile_expression("now | todate").evaluate(None, {"__now": 0}) == "1970-01-01T00:00:00Z"


def test_secrets_read_by_name_are_known_before_running() -> None:
    text = '$secrets.a + $secrets["b-c"].d + $secrets."e"'
    assert compile_expression(text).secrets == {"a", "b-c", "e"}
    assert compile_expression("$secrets | keys").secrets == {None}


@pytest.mark.parametrize(
    "program", [".a.b", ".", "$v", "$v.a.b", ".a + 1", "{a: .b, c: [.[]?]}", 'if .a then 1 else "\\(.b)" end']
)
def test_common_programs_run_in_this_process(program: str) -> None:
    assert read(program).is_tame


@given(value=VALUES, path=st.sampled_from([".", ".a", ".a.b", ".a.b.c", "$v.a", "$v.b.a"]))
@settings(max_examples=300, deadline=None)
def test_paths_read_by_python_agree_with_jq(value: Any, path: str) -> None:
    def outcome(program: str) -> Any:
        try:
            return compile_expression(program).evaluate(value, {"v": value})
        except ExpressionError:
            return "error"

    assert outcome(path) == outcome(f"{path} | .")


@given(st.text(alphabet='.[](){}|,:;"\\$#@ abenv1+-*=\n', max_size=40))
@settings(max_examples=500, deadline=None)
def test_no_text_can_do_more_than_fail(text: str) -> None:
    try:
        expression = compile_expression(text)
        expression.evaluate({"a": [1, 2]}, dict.fromkeys(expression.variables), QUICK)
    except ExpressionError:
        pass


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_string_survives_evaluation(text: str) -> None:
    assert compile_expression("{x: .}").evaluate(text.encode("utf-8", "ignore").decode(), {})["x"] is not None
