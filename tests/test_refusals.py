"""core.refusal, and that Korean pages have words for every refusal that a page can show."""

from __future__ import annotations

import ast
import json
import re
from functools import cache

import numpy as np
import pytest

from core import refusal
from core.data.dataset import DataError
from core.latent.projections import ProjectionError
from core.refusal import Refusal
from core.store import checkpoints
from core.training.loop import TrainingError
from explorer import downloads, language, tables
from explorer.language import Words
from tests.test_architecture import sources
from tests.test_language import places

KOREAN = language.refusals("ko")

# Whose refusals only the command line or a programmer sees, and where all are made.
ASIDE = {
    "core.data.dataset",
    "core.data.fetching",
    "core.export.onnx_files",
    "core.export.programs",
    "core.judge.classifier",
    "core.refusal",
}

# First arguments of a refusal that need no words here: what was refused before, what is in the
# page's language already, names that a page gives by itself, and what a test below looks at.
TOLD_ELSEWHERE = (
    r"(error|why)\.template",
    r"ALLOWED\[name\]",
    r"words\(.*\)",
    r"unknown\(.*\)",
    r".*\.description",
)


# --- The sentence -------------------------------------------------------------------------------


def test_a_refusal_is_its_sentence_and_what_it_is_made_of():
    error = DataError("{name!r} has {size:,} bytes.", name="a.png", size=12345)
    assert str(error) == "'a.png' has 12,345 bytes."
    assert (error.template, error.values["size"]) == ("{name!r} has {size:,} bytes.", 12345)
    assert str(DataError("{no} place } here")) == "{no} place } here"


def test_the_classes_are_caught_as_before():
    assert issubclass(DataError, ValueError) and issubclass(TrainingError, RuntimeError)
    assert not issubclass(TrainingError, ValueError)


def test_a_cause_is_a_part_of_the_sentence():
    cause = DataError("the image is {what}.", what="blank")
    error = DataError("{label} can't be read ({cause}).", label="a.zip", cause=cause)
    assert str(error) == "a.zip can't be read (the image is blank)."
    korean = {
        "{label} can't be read ({cause}).": "{label}을(를) 읽을 수 없습니다({cause}).",
        "the image is {what}.": "이미지: {what}.",
    }
    assert error.said(korean) == "a.zip을(를) 읽을 수 없습니다(이미지: blank)."
    assert error.said({}) == str(error), "what a catalogue doesn't know is English"


def test_what_is_kept_of_a_refusal_keeps_nothing_else_alive():
    try:
        try:
            raise DataError("it is blank")
        except DataError as cause:
            raise DataError("{cause}: no.", cause=cause) from cause
    except DataError as error:
        kept = error.bare()
        assert error.values["cause"].__traceback__ is None
    assert kept.__traceback__ is None and kept.__context__ is None
    assert str(kept) == "it is blank: no."


def test_as_json_and_back():
    why = Refusal("its {neighbours} neighbours", neighbours=15)
    values = {"shape": (3, np.int64(2)), "least": np.int64(16), "share": np.float32(0.5)}
    error = ProjectionError("{shape} {least:,} {share:.1f} {why}.", reason="few", why=why, **values)
    again = refusal.from_json(json.loads(json.dumps(error.as_json())))
    assert str(again) == str(error)
    assert again.said({why.template: "이웃 {neighbours}개"}).endswith("이웃 15개.")


def test_words_say_it_in_the_page_s_language(tmp_path):
    with pytest.raises(checkpoints.CheckpointError) as raised:
        checkpoints.open_run(tmp_path / "nothing")
    assert Words("en").refusal(raised.value) == str(raised.value)
    said = Words("ko").refusal(raised.value)
    assert "nothing" in said and "run.json" in said and re.search("[가-힣]", said)
    strange = Refusal("Nobody knows {this}.", this="sentence")
    assert Words("ko").refusal(strange) == "Nobody knows sentence."


@pytest.mark.parametrize(
    ("value", "limits", "said"),
    [
        (1.0, (1,), "1"),
        (1.0000001, (1,), "1.0000001"),
        (-1e-9, (0, 1), "-1e-09"),
        (0.99999, (0, 1), "0.99999"),
        (12345.678, (200,), "1.235e+04"),
        (200.04, (200,), "200.04"),
        (float("nan"), (0, 1), "nan"),
    ],
)
def test_a_number_never_reads_like_a_limit_that_it_is_not(value, limits, said):
    assert refusal.told(value, *limits) == said


# --- Korean has all of them ---------------------------------------------------------------------


@cache
def kinds() -> dict[str, set[str]]:
    """Names of the classes of refusals, and of each the arguments that are no values of it."""
    found: dict[str, set[str]] = {"Refusal": set()}
    classes = [n for tree in sources().values() for n in ast.walk(tree) if is_class(n)]
    while new := [n for n in classes if n.name not in found and bases(n) & set(found)]:
        for node in new:
            own = [f for f in node.body if getattr(f, "name", "") == "__init__"]
            found[node.name] = {a.arg for f in own for a in f.args.kwonlyargs}
    return found


def is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)


def bases(node: ast.ClassDef) -> set[str]:
    return {name_of(base) for base in node.bases}


def name_of(node: ast.AST) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def made_in(tree: ast.AST):
    """Every refusal that a source makes: its call, the templates that it may have, and whether
    these are all."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in kinds() and node.args:
            first = constants.get(name_of(node.args[0]), node.args[0])
            parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            plain = [p.value for p in parts if isinstance(p, ast.Constant)]
            elsewhere = any(re.fullmatch(one, ast.unparse(first)) for one in TOLD_ELSEWHERE)
            yield node, plain, elsewhere or len(plain) == len(parts)


def has_words(template: str) -> bool:
    return bool(re.search(r"[^\W\d_]", re.sub(r"\{[^}]*\}", "", template)))


def shown() -> set[str]:
    """Every template that a page can show."""
    return {
        template
        for name, tree in sources().items()
        if name not in ASIDE
        for _, templates, _ in made_in(tree)
        for template in templates
        if has_words(template)
    }


def test_the_finder_of_refusals_bites():
    assert {"Refusal", "DataError", "TrainingError", "BodyError", "JobError"} <= set(kinds())
    assert kinds()["BodyError"] == {"status"} and kinds()["ProjectionError"] == {"reason"}
    source = (
        'A = "a {b}"\nDataError(A, b=1)\nraise x.JobError("c" if y else "d")\nDataError(f"{e}")\n'
        "ShelfError(error.template, **error.values)"
    )
    found = [(templates, all_) for _, templates, all_ in made_in(ast.parse(source))]
    assert found == [(["a {b}"], True), (["c", "d"], True), ([], False), ([], True)]
    assert len(shown()) > 100


@pytest.mark.parametrize("name", sorted(set(sources()) - ASIDE))
def test_refusals_are_templates_with_their_values(name):
    for call, templates, are_all in made_in(sources()[name]):
        where = f"{name}, line {call.lineno}"
        assert are_all, f"{where} makes a sentence that no catalogue can know"
        given = {k.arg for k in call.keywords} - kinds()[name_of(call.func)]
        needed = [set(places(template)) for template in templates]
        if None not in given:  # **values
            assert given == set().union(*needed), f"{where} gives other values than are said"


def test_korean_has_words_for_all_that_a_page_can_show():
    fields = {field.description for field in downloads._Film.model_fields.values()}
    wanted = shown() | fields | set(tables.ALLOWED.values())
    assert wanted - set(KOREAN) == set(), "without Korean"
    assert set(KOREAN) - wanted == set(), "nobody says it any longer"


@pytest.mark.parametrize(("english", "korean"), KOREAN.items())
def test_korean_says_the_same(english, korean):
    assert places(korean) and set(places(korean)) == set(places(english)) or not places(english)
    assert re.search("[가-힣]", korean) and korean.strip() == korean
    assert english.endswith(".") == korean.endswith(".")
