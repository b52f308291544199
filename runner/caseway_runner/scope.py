"""A place in the document while it is compiled: where it is, which names it knows, what it found wrong.

Task kinds compile themselves through it; every finding becomes a Problem, never an exception."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from caseway_runner.duration import parse_duration
from caseway_runner.expression import (
    Expression,
    ExpressionError,
    UnknownVariable,
    compile_expression,
    unwrap,
)
from caseway_runner.problem import Problem
from caseway_runner.shape import AnyShape, BadSchema, prepare
from caseway_runner.template import Loose, Template, assembled, constant

if TYPE_CHECKING:
    from caseway_runner.program import TaskList

SCHEDULE = frozenset({"runtime"})  # before anything runs
WORKFLOW_INPUT = frozenset({"secrets", "workflow", "runtime"})
WORKFLOW_OUTPUT = WORKFLOW_INPUT | {"context"}
TASK_INPUT = WORKFLOW_OUTPUT | {"task"}
TASK_IF = TASK_INPUT | {"input"}
TASK_BODY = TASK_IF | {"authorization"}
TASK_EXPORT = TASK_BODY | {"output"}

VARIABLE_NAME = re.compile(r"^[A-Za-z_]\w{0,99}$")
_NEVER: Expression = compile_expression(".")


def escape(token: str) -> str:
    """`token` as one step of a JSON Pointer."""
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def _nowhere(_value: Any, _scope: Scope) -> None:
    return None


@dataclass(slots=True)
class Draft:
    """What one compilation shares: findings, the document's reusable parts, how to compile a task list."""

    use: Mapping[str, Mapping[str, Any]]
    secrets: frozenset[str]
    is_loose: bool
    compile_list: Callable[[Any, Scope, str], TaskList]
    findings: list[Problem] = field(default_factory=list)
    depth: int = 0
    extensions: tuple[Any, ...] = ()
    external: Callable[[Any, Scope], AnyShape | None] = _nowhere


@dataclass(frozen=True, slots=True)
class Scope:
    """One place. `pointer` is its JSON Pointer, `names` the local variables (loop items, caught errors)."""

    draft: Draft
    pointer: str = ""
    names: frozenset[str] = frozenset()

    def at(self, *tokens: str | int) -> Scope:
        """The place further down."""
        below = "".join([f"/{escape(str(token))}" for token in tokens])
        return Scope(self.draft, self.pointer + below, self.names)

    def knowing(self, *names: str) -> Scope:
        """The same place with more local variables."""
        return replace(self, names=self.names | set(names))

    def report(self, kind: str, message: str, hint: str = "", *, severity: str = "error") -> None:
        """Note a finding at this place."""
        self.draft.findings.append(Problem(self.pointer, kind, message, hint, severity))

    def tasks(self, value: Any, step: str) -> TaskList:
        """Compile a list of tasks; `step` is how references reach it from the enclosing task (`/do`)."""
        return self.draft.compile_list(value, self, step)

    def expression(self, value: Any, roots: frozenset[str] = TASK_BODY) -> Expression:
        """Compile a string that always is an expression, `${ }` or not."""
        if not isinstance(value, str):
            self.report("schema", "expected a runtime expression (a string)")
            return _NEVER
        return self._compiled(value, roots)

    def optional_expression(
        self, source: Mapping[str, Any], key: str, roots: frozenset[str] = TASK_BODY
    ) -> Expression | None:
        """Compile `source[key]` when it is there."""
        return self.at(key).expression(source[key], roots) if key in source else None

    def template(self, value: Any, roots: frozenset[str] = TASK_BODY) -> Template:
        """Compile any JSON value with expressions inside."""

        def on_string(text: str, path: tuple[str, ...]) -> Any:
            if unwrap(text) is not None:
                return self.at(*path)._compiled(text, roots)
            if self.draft.is_loose:
                try:
                    return Loose(text, compile_expression(text, roots | self.names))
                except ExpressionError:
                    return None
            if text.lstrip().startswith("${"):
                self.at(*path).report(
                    "expression",
                    "text after an expression: a string is an expression only when it is ${ … } as a whole",
                    'put text inside the expression: ${ "Hello \\(.name)" }',
                    severity="warning",
                )
            return None

        return assembled(value, on_string)

    def transform(self, value: Any, roots: frozenset[str]) -> Template:
        """Compile `input.from`, `output.as`, `export.as`: a string is an expression, an object a template."""
        if isinstance(value, str):
            return Template(self._compiled(value, roots), False)
        if isinstance(value, Mapping):
            return self.template(value, roots)
        self.report("schema", "expected a runtime expression or an object")
        return constant(None)

    def is_expression(self, value: Any) -> bool:
        """Whether a template takes the string `value` for an expression, or may do so."""
        return isinstance(value, str) and (self.draft.is_loose or unwrap(value) is not None)

    def duration(self, value: Any, roots: frozenset[str] = TASK_BODY) -> float | Expression:
        """Compile a duration to seconds, or to the expression that gives one."""
        if isinstance(value, str) and unwrap(value) is not None:
            return self._compiled(value, roots)
        try:
            return parse_duration(value)
        except ValueError as error:
            self.report("duration", str(error))
            return 0.0

    def schema(self, source: Any) -> AnyShape | None:
        """Compile a `schema` property."""
        fields = self.mapping(source, {"format", "document", "resource"})
        if fields is None:
            return None
        form = fields.get("format", "json")
        if not isinstance(form, str) or form.split(":")[0] != "json":
            self.at("format").report("unsupported", f"schema format {form!r}", "use `format: json`")
        if "resource" in fields:
            return self.draft.external(fields["resource"], self.at("resource"))
        if "document" not in fields:
            self.report("schema", "a schema needs `document`")
            return None
        try:
            return prepare(fields["document"])
        except BadSchema as error:
            self.at("document").report("schema", f"not a valid JSON Schema: {error}")
            return None

    def mapping(
        self, value: Any, allowed: set[str] | frozenset[str] | None, required: Sequence[str] = ()
    ) -> Mapping[str, Any] | None:
        """`value` when it is an object; unknown and missing keys are reported. `allowed` None: any key."""
        if not isinstance(value, Mapping):
            self.report("schema", f"expected an object, found {_word(value)}")
            return None
        for key in value:
            if allowed is not None and key not in allowed:
                self.at(str(key)).report("schema", f"unknown property '{key}'", suggest(str(key), allowed))
        missing = [key for key in required if key not in value]
        for key in missing:
            self.report("schema", f"missing property '{key}'")
        return None if missing else value

    def text(self, source: Mapping[str, Any], key: str, default: str = "") -> str:
        """A string property."""
        value = source.get(key, default)
        if not isinstance(value, str):
            self.at(key).report("schema", f"expected a string, found {_word(value)}")
            return default
        return value

    def texts(self, source: Any, names: Iterable[str] | None = None) -> None:
        """Report each of these properties (None: all of them) that is there and no string."""
        if isinstance(source, Mapping):
            for name in source if names is None else names:
                if name in source:
                    self.text(source, str(name))

    def flag(self, source: Mapping[str, Any], key: str, default: bool) -> bool:
        """A boolean property."""
        value = source.get(key, default)
        if not isinstance(value, bool):
            self.at(key).report("schema", f"expected true or false, found {_word(value)}")
            return default
        return value

    def variable(self, source: Mapping[str, Any], key: str, default: str) -> str:
        """A property that names a variable."""
        name = self.text(source, key, default)
        if not VARIABLE_NAME.match(name) or name.startswith("__"):
            self.at(key).report("schema", f"'{name[:60]}' cannot name a variable", "use letters, digits, _")
            return default
        return name

    def choice(self, source: Mapping[str, Any], key: str, options: Sequence[str]) -> str:
        """A property with fixed values; the first is the default."""
        value = self.text(source, key, options[0])
        if value not in options:
            self.at(key).report(
                "schema", f"'{value[:60]}' is not one of {', '.join(options)}", suggest(value, options)
            )
            return options[0]
        return value

    def reused(self, table: str, name: str) -> tuple[Any, Scope] | None:
        """The component `use.<table>.<name>` and its own place, or None with a finding."""
        entries = self.draft.use.get(table, {})
        if name in entries:
            return entries[name], replace(self, pointer="").at("use", table, name)
        self.report(
            "unknown-reference", f"'{name[:60]}' is not defined in use.{table}", suggest(name, list(entries))
        )
        return None

    def _compiled(self, text: str, roots: frozenset[str]) -> Expression:
        known = roots | self.names
        try:
            expression = compile_expression(text, known)
        except UnknownVariable as error:
            self.report(
                "expression", str(error), "available here: " + ", ".join(f"${n}" for n in sorted(known))
            )
            return _NEVER
        except ExpressionError as error:
            self.report("expression", f"the expression does not compile: {error}")
            return _NEVER
        for secret in sorted(name for name in expression.secrets if name is not None):
            if secret not in self.draft.secrets:
                self.report("secret", f"the secret '{secret}' is not declared", "list it under use.secrets")
        return expression


def _word(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")


def suggest(name: str, options: Sequence[str] | set[str] | frozenset[str]) -> str:
    """A hint that names the option most like `name`, or ""."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    close = difflib.get_close_matches(name, sorted(options), 1, 0.6)
    return f"did you mean '{close[0]}'?" if close else ""
