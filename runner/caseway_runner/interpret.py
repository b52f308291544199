"""Interprets compiled tasks: the data flow of the workflow and of each task, and the flow between tasks.

What a task does is its body's business (`tasks/`); what is recorded and replayed is decided here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.arguments import evaluate
from caseway_runner.deadline import TIMEOUT, limited, time_limit, timeout_fault
from caseway_runner.duration import parse_duration
from caseway_runner.errors import Fault, LimitExceeded, error_from_json, fault, limit_error
from caseway_runner.expression import Expression
from caseway_runner.journal import Entry
from caseway_runner.moments import moment
from caseway_runner.outcome import Status, WorkflowError
from caseway_runner.program import Pipe, Task, TaskList
from caseway_runner.records import OpenRecord
from caseway_runner.session import Doomed, Run, Strand


async def run_program(run: Run, outer: Strand | None = None) -> Any:
    """The whole data flow of one workflow; gives its output. Raises Fault and LimitExceeded.

    `outer` is the strand of the task that runs it as a sub-workflow: its timeouts hold here too."""
    limits = run.session.ports.policy.limits
    if run.depth > limits.depth:
        raise LimitExceeded(f"sub-workflows are nested deeper than {limits.depth}")
    root = run.reference or "/"
    strand = Strand(None, outer.deadline, outer=outer) if outer is not None else Strand(context=None)
    program = run.program
    if program.timeout is None:
        return await _data_flow(run, strand, root)
    seconds = await _workflow_seconds(run, strand, program.timeout)
    async with time_limit(strand, run.session.ports, seconds, lambda: timeout_fault(run.reference, seconds)):
        return await _data_flow(run, strand, root)


async def _workflow_seconds(run: Run, strand: Strand, length: float | Expression) -> float:
    if isinstance(length, Expression):
        try:
            length = parse_duration(await evaluate(run, strand, None, length, run.raw_input, {}))
        except ValueError as error:
            raise fault("expression", str(error), instance=run.reference or "/") from error
    now = run.session.ports.clock.now()
    return max(0.0, length - (now - moment(run.started_at)).total_seconds())


async def _data_flow(run: Run, strand: Strand, root: str) -> Any:
    program = run.program
    root_task = Activation(
        run, _ROOT, strand, run.reference, run.position, run.raw_input, {}, run.started_at, run.raw_input
    )
    try:
        await _validate(root_task, program.input, run.raw_input, "workflow input")
        value = await _piped(run, strand, program.input, run.raw_input)
    except Fault as raised:
        raise raised.placed(root) from None
    strand.context = value if isinstance(value, dict) else {}
    start = Activation(
        run, _ROOT, strand, run.reference, run.position, run.raw_input, {}, run.started_at, value
    )
    output, _ = await run_list(start, program.tasks, value, "", {})
    if run.session.is_partial:
        return output  # what the workflow's output is made of may not be there yet
    try:
        output = await _piped(run, strand, program.output, output)
        await _validate(start, program.output, output, "workflow output")
        _check_size(run, output)
    except Fault as raised:
        raise raised.placed(root) from None
    return output


async def _piped(run: Run, strand: Strand, pipe: Pipe, value: Any) -> Any:
    if pipe.transform is None:
        return value
    return await pipe.transform.fill(lambda item: evaluate(run, strand, None, item, value, {}))


async def run_nested(
    activation: Activation,
    tasks: TaskList,
    value: Any,
    *,
    suffix: str = "",
    variables: Mapping[str, Any] | None = None,
) -> Any:
    """Run a list inside a task; gives its output. `suffix` tells its activations from other rounds'."""
    names = {**activation.variables, **variables} if variables else activation.variables
    output, directive = await run_list(activation, tasks, value, suffix, names)
    activation.has_ended = activation.has_ended or directive == "end"
    return output


async def run_list(
    parent: Activation,
    tasks: TaskList,
    value: Any,
    suffix: str = "",
    variables: Mapping[str, Any] | None = None,
) -> tuple[Any, str]:
    """Run a list from its first task; gives its output and how it ended: continue, exit or end."""
    if variables is None:
        variables = parent.variables
    at, visits = 0, [0] * len(tasks.tasks)
    base = parent.position + suffix
    while at < len(tasks.tasks):
        task = tasks.tasks[at]
        visits[at] += 1
        again = f"!{visits[at]}" if visits[at] > 1 else ""
        value, directive = await run_task(parent, task, value, base + task.step + again, variables)
        if parent.run.session.is_over_at(parent.reference + task.step):
            return value, "end"
        if directive == "continue":
            at += 1
        elif directive == "exit":
            return value, "exit"
        elif directive == "end":
            return value, "end"
        else:
            at = tasks.index[directive]
    return value, "continue"


async def run_task(
    parent: Activation, task: Task, value: Any, position: str, variables: Mapping[str, Any]
) -> tuple[Any, str]:
    """Run one task with its whole data flow; gives its output and the directive that follows."""
    run, strand = parent.run, parent.strand
    run.session.count_activation()
    if run.session.activations % 64 == 0:
        await asyncio.sleep(0)  # pure tasks never wait: timeouts and other executions need their turn
    reference = parent.reference + task.step
    activation = Activation(run, task, strand, reference, position, value, variables, input=value)
    if task.body.nature != "composite":
        entry = run.session.recorder.final(position)
        if entry is not None:
            return _replayed(activation, parent, entry)
    if task.condition is not None and not await _is_wanted(activation, task.condition):
        return value, "continue"
    if strand.doom is not None and activation.noted("started") is None:
        raise strand.doom
    return await _recorded(activation, parent)


async def run_function(caller: Activation, task: Task, value: Any, *, mark: str = "/()") -> Any:
    """Run a reusable task in the name of its caller: references and record are the caller's. `mark` tells its
    position from the caller's; with one of its own the task is the caller's own, and directs the flow."""
    is_own = mark != "/()"
    run = caller.run
    activation = Activation(
        run,
        task,
        caller.strand,
        caller.reference,
        caller.position + mark,
        value,
        caller.variables,
        input=value,
    )
    activation.started_at, activation.is_waiting = caller.started_at, caller.is_waiting
    is_composite = task.body.nature == "composite"
    entry = None if is_composite else run.session.recorder.final(activation.position)
    if entry is not None:
        if entry.kind == "faulted":
            raise Fault(error_from_json(entry.data["error"]))
        if "context" in entry.data:
            caller.strand.context = entry.data["context"]
        if is_own:
            caller.then = str(entry.data.get("then") or "")
        return entry.data.get("output")
    if task.condition is not None and not await _is_wanted(activation, task.condition):
        return value
    if not is_composite and caller.strand.doom is not None:
        raise caller.strand.doom
    try:
        output = await _timed(activation)
    except Fault as raised:
        placed = raised.placed(activation.reference)
        await _journal_fault(activation, placed.error)
        raise placed from None
    caller.authorization = activation.authorization
    caller.has_ended = activation.has_ended
    if is_own:
        caller.then = activation.then
    return output


async def _is_wanted(activation: Activation, condition: Expression) -> bool:
    skipped = activation.noted("skipped")
    if skipped is not None:
        return False
    try:
        wanted = await activation.is_true(condition)
    except Fault as raised:
        raise raised.placed(activation.reference) from None
    if not wanted:
        activation.note("skipped")
        _tell_end(activation)
    return wanted


def _tell_end(activation: Activation, *, is_fault: bool = False) -> None:
    if activation.strand.on_end is not None:
        activation.strand.on_end(activation.position, is_fault)


def _replayed(activation: Activation, parent: Activation, entry: Entry) -> tuple[Any, str]:
    """What an earlier run recorded for this task, as if it happened now."""
    data = entry.data
    if activation.task.input.transform is not None:
        activation.input = None
    record = OpenRecord(activation, parent.position, str(data.get("startedAt", entry.at)))
    if entry.kind == "faulted":
        error = error_from_json(data["error"])
        record.close(Status.FAULTED, entry.at, error=error, reason=_reason(error))
        raise Fault(error)
    output = data.get("output")
    record.close(Status.COMPLETED, entry.at, output=output)
    if "context" in data:
        activation.strand.context = data["context"]
    return output, str(data.get("then") or activation.task.then)


def _reason(error: WorkflowError) -> str:
    return "timeout" if error.type == TIMEOUT else ""


async def _recorded(activation: Activation, parent: Activation) -> tuple[Any, str]:
    """Run the task and keep its record: running, waiting, then completed, faulted or cancelled."""
    session = activation.run.session
    noted = activation.noted("started")
    started_at = noted.at if noted else session.now()
    if noted is None and activation.task.body.nature != "pure":
        session.recorder.note(Entry(activation.position, "started", started_at))
    record = OpenRecord(activation, parent.position, started_at)
    activation.is_waiting = record.waiting
    try:
        if noted is not None and activation.task.body.nature == "effect" and activation.strand.doom:
            raise activation.strand.doom
        output = await _timed(activation)
        _note_closed(activation)
    except Fault as raised:
        error = raised.placed(activation.reference).error
        if not _may_close(activation):
            record.close(Status.CANCELLED, session.now())
            raise Doomed from None
        await _journal_fault(activation, error)
        record.close(Status.FAULTED, activation.ended_at, error=error, reason=_reason(error))
        raise Fault(error) from None
    except LimitExceeded as raised:
        record.close(Status.FAULTED, session.now(), error=limit_error(str(raised)), reason="limit")
        raise
    except (asyncio.CancelledError, Doomed, TimeoutError):
        if session.parking.asleep.is_set():
            raise  # the record stays open: the task goes on when the execution wakes
        record.close(Status.CANCELLED, session.now())
        raise
    record.close(Status.COMPLETED, activation.ended_at, output=output)
    if activation.has_ended:
        return output, "end"
    return output, activation.then or activation.task.then


def _may_close(activation: Activation) -> bool:
    """Whether a task may end as it is about to: a composite that an earlier run cut off before it could
    close, although its children had ended, is cancelled when replayed, too."""
    is_composite = activation.task.body.nature == "composite"
    return not is_composite or activation.strand.doom is None or activation.noted("closed") is not None


def _note_closed(activation: Activation, *, is_fault: bool = False) -> None:
    if not _may_close(activation):
        raise Doomed
    if activation.task.body.nature == "composite":
        noted = activation.noted("closed")
        data = {"faulted": True} if is_fault else None
        activation.ended_at = noted.at if noted is not None else activation.note("closed", data)
        _tell_end(activation, is_fault=is_fault)


async def _journal_fault(activation: Activation, error: WorkflowError) -> None:
    nature = activation.task.body.nature
    if nature == "composite":
        _note_closed(activation, is_fault=True)
        return
    activation.ended_at = activation.note(
        "faulted", {"error": dict(error.as_json()), "startedAt": activation.started_at}
    )
    _tell_end(activation, is_fault=True)
    if nature == "effect":
        await activation.flush()


def _timed(activation: Activation) -> Coroutine[Any, Any, Any]:
    length = activation.task.timeout
    return _flowed(activation) if length is None else _limited(activation, length)


async def _limited(activation: Activation, length: float | Expression) -> Any:
    try:
        seconds = await activation.seconds(length)
    except Fault as raised:
        raise raised.placed(activation.reference) from None
    return await limited(activation, seconds, lambda: _flowed(activation))


async def _flowed(activation: Activation) -> Any:
    """The data flow of one task: validate, transform, do, transform, validate, export; then the journal."""
    task = activation.task
    pins = activation.run.session.pins
    if pins and activation.reference in pins:
        return await _pinned(activation, pins[activation.reference])
    if task.input.shape is not None:
        await _validate(activation, task.input, activation.raw_input, "task input")
    if task.input.transform is not None:
        activation.input = await activation.fill(task.input.transform)
    activation.output = await task.body.run(activation)
    output = activation.output
    if task.output.transform is not None:
        output = await _refill(activation, task.output, output)
    if task.output.shape is not None:
        await _validate(activation, task.output, output, "task output")
    return await _exported(activation, output)


async def _pinned(activation: Activation, output: Any) -> Any:
    """The output that was pinned, as if the task had given it; what it exports is made of it."""
    activation.output = output
    return await _exported(activation, output)


async def _exported(activation: Activation, output: Any) -> Any:
    task = activation.task
    exported = task.export.transform is not None
    if exported:
        context = await _refill(activation, task.export, output, output=output)
        await _validate(activation, task.export, context, "exported context")
        activation.strand.context = context
    nature = task.body.nature
    if nature != "composite":
        _journal_completion(activation, output, exported)
        if nature == "effect":
            await activation.flush()
    return output


async def _refill(activation: Activation, pipe: Pipe, value: Any, **extra: Any) -> Any:
    assert pipe.transform is not None
    return await pipe.transform.fill(lambda item: activation.evaluate_on(item, value, **extra))


def _journal_completion(activation: Activation, output: Any, exported: bool) -> None:
    data: dict[str, Any] = {"output": output, "startedAt": activation.started_at}
    if exported:
        data["context"] = activation.strand.context
    if activation.then:
        data["then"] = activation.then
    if activation.chosen:
        data["case"] = activation.chosen
    activation.ended_at = activation.note("completed", data)
    _tell_end(activation)


async def _validate(activation: Activation, pipe: Pipe, value: Any, what: str) -> None:
    if pipe.shape is None:
        return
    shape = await pipe.shape.loaded(activation)
    complaint = shape.complaint(value)
    if complaint:
        raise fault("validation", f"the {what} does not match its schema: {complaint}")


def _check_size(run: Run, output: Any) -> None:
    limit = run.session.ports.policy.limits.output_bytes
    if isinstance(output, str | dict | list) and len(json.dumps(output)) > limit:
        raise LimitExceeded(f"the output is larger than {limit} bytes")


class _RootBody:
    nature = "composite"

    async def run(self, _activation: Any) -> Any:
        raise AssertionError("the root is not run as a task")


_ROOT = Task(name="", step="", kind="do", definition={}, body=_RootBody())
