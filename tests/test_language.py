"""The visible text: both languages complete, every key that is used there, none in the code."""

import ast
import re
import string
import tomllib

import pytest

from explorer import language
from explorer.language import LANGUAGES, Words, best, texts
from tests.digits import REPOSITORY

EXPLORER = REPOSITORY / "explorer"
KEYS = set(texts("en"))
TABLES = {key.partition(".")[0] for key in KEYS}
PAD_TABLES = {table for table in TABLES if table.endswith("pad")} | {"compare"}


def python_files():
    return sorted(EXPLORER.glob("**/*.py"))


def javascript_files():
    return sorted((EXPLORER / "pad").rglob("*.js"))


def places(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


# --- Both languages are complete ----------------------------------------------------------------


# What core refuses is English in core itself, so English has no such file: see test_refusals.py.
def test_same_keys():
    assert set(LANGUAGES) == {path.name for path in language.FOLDER.iterdir()}
    for code in LANGUAGES:
        assert set(texts(code)) == KEYS, code


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_text_is_empty_and_places_agree(code):
    for key, text in texts(code).items():
        assert isinstance(text, str) and text.strip() == text != "", key
        assert set(places(text)) == set(places(texts("en")[key])), key
        assert sorted(re.findall(r"</?\w+>", text)) == sorted(
            re.findall(r"</?\w+>", texts("en")[key])
        ), key
        assert "TODO" not in text


def test_same_order_and_tables():
    first, *others = (
        {
            path.name: list(tomllib.loads(path.read_text(encoding="utf-8")))
            for path in sorted((language.FOLDER / code).glob("*.toml"))
            if path.name != language.REFUSALS
        }
        for code in LANGUAGES
    )
    assert first and all(other == first for other in others)
    tables = [table for names in first.values() for table in names]
    assert len(tables) == len(set(tables)), "a table stands in two files"


def test_korean_is_korean():
    hangul = re.compile(r"[\uac00-\ud7a3]")
    english = {
        key for key, text in texts("en").items() if re.search(r"[A-Za-z]{4,}", places_out(text))
    }
    untranslated = {key for key in english if not hangul.search(texts("ko")[key])}
    assert untranslated <= {key for key in english if texts("en")[key] == texts("ko")[key]}
    assert len(untranslated) <= 3, sorted(untranslated)
    assert not any(hangul.search(text) for text in texts("en").values())


def places_out(text):
    return re.sub(r"\{\w*\}|<[^>]+>", "", text)


# --- One word for one thing ---------------------------------------------------------------------

# What a thing is called in Korean, and what it is therefore called nowhere.
GLOSSARY = {
    "학습 결과": r"실행(?!되|하|합|할)",  # a run that was trained; a program is still 실행하다
    "보관함": "저장소",  # the store of runs
    "수준": "세기|강도",  # of noise
    "샘플": "표본",  # a draw; and what a training has seen
    "학습 영상": "필름",
    "재구성": "복원",
    "잡음": "노이즈",
    "신경망": "네트워크",
    "데이터셋": "데이터 세트|데이터 집합|이미지 묶음",
    "하이퍼파라미터": "노브|설정 항목",
    "이미지": "사진",
    "학습": "훈련",
    "레이블": "라벨",
    "가능도": "(?<!경)우도",
    "스텝": r"\{steps?\}단계",
    "클래스": "범주",
    "디코딩": "복호",
    "인코딩": "부호화",
    "홀드아웃": "검증용",
    "오토인코더": "자기부호화기|오토 인코더",
}


def korean_texts():
    """All Korean that can be seen, by its key or by the English sentence that it stands for."""
    return texts("ko") | language.refusals("ko")


def rejected(text):
    """Words in a text that the glossary has other words for: (what stands there, what should)."""
    return [
        (found[0], chosen)
        for chosen, pattern in GLOSSARY.items()
        for found in re.finditer(pattern, text)
    ]


def test_one_word_for_one_thing():
    said = korean_texts()
    assert {key: rejected(text) for key, text in said.items() if rejected(text)} == {}
    assert all(any(chosen in text for text in said.values()) for chosen in GLOSSARY)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("두 실행 비교", "실행"),
        ("실행을 삭제", "실행"),
        ("더 이상 저장소에 없습니다", "저장소"),
        ("잡음 세기", "세기"),
        ("10스텝 가운데 {step}단계에서", "{step}단계"),
    ],
)
def test_the_glossary_bites(text, word):
    assert [found for found, _ in rejected(text)] == [word]
    assert rejected("브라우저에서 실행되지 않아, 코드를 실행합니다. 여러 단계로") == []


# --- Every key that is used exists --------------------------------------------------------------


def is_words(function: ast.AST) -> bool:
    """Whether a call's function is a Words: `words(…)`, `state.words()(…)` or `Words(code)(…)`."""
    if isinstance(function, ast.Call):
        name = function.func
        return getattr(name, "id", getattr(name, "attr", "")).lower() == "words"
    return getattr(function, "id", getattr(function, "attr", "")) == "words"


def keys_in(argument: ast.AST):
    """Patterns of the keys that an argument may be."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield re.escape(argument.value)
    elif isinstance(argument, ast.IfExp):
        yield from keys_in(argument.body)
        yield from keys_in(argument.orelse)
    elif isinstance(argument, ast.JoinedStr):
        yield "".join(
            re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]+"
            for part in argument.values
        )


def used_keys():
    """(file, pattern) of every text that a Python file asks for."""
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and is_words(node.func) and node.args:
                for pattern in keys_in(node.args[0]):
                    yield path.name, pattern


def test_keys_used_in_python_exist():
    used = list(used_keys())
    assert len(used) > 20
    for file, pattern in used:
        assert any(re.fullmatch(pattern, key) for key in KEYS), f"{file} asks for {pattern}"


def test_strings_that_look_like_keys_are_keys():
    looks = re.compile(rf"({'|'.join(sorted(TABLES))})\.(?!js$|css$|py$)[a-z_.]+")
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = looks.fullmatch(node.value)
                inside = any(key.startswith(node.value) for key in KEYS)  # of an f-string
                assert not found or node.value in KEYS or inside, f"{path.name}: {node.value}"


def test_groups_that_are_asked_for_exist():
    asked = set()
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "group":
                asked |= {value.value for value in node.args if isinstance(value, ast.Constant)}
    assert {"pad"} <= asked
    for group in asked:
        assert Words("en").group(group), group


def javascript_texts(source):
    """Names of the texts that a pad's module uses."""
    given = re.search(r"\{[^{}]*\btext\b[^{}]*\} = |\(.*\btext\b.*\) \{$", source, re.MULTILINE)
    plain = r"(?<![\w.])" if given else r"(?:this|data)\."
    found = set(re.findall(rf"(?:(?:this|data)\.|{plain})text\.([a-z_]+)\b(?!\()", source))
    if "const t = this.text" in source:
        found |= set(re.findall(r"(?<![\w.])t\.([a-z_]+)\b(?!\()", source))
    return found


def test_texts_used_in_javascript_exist():
    allowed = {key.partition(".")[2] for key in KEYS if key.partition(".")[0] in PAD_TABLES}
    used = {
        path.relative_to(EXPLORER / "pad").as_posix(): javascript_texts(path.read_text("utf-8"))
        for path in javascript_files()
    }
    used["component.py"] = javascript_texts((EXPLORER / "pad" / "component.py").read_text("utf-8"))
    assert {"decoded", "map", "pick_one"} <= used["parts/latent_pad.js"]
    assert {"nearest_digit", "error_short"} <= used["parts/nearest.js"]
    assert "failed" in used["component.py"]
    for file, names in used.items():
        assert names <= allowed, f"{file} uses {sorted(names - allowed)}"


# What a finger has not, and what only a pointer does.
NOT_TOUCHED = re.compile(
    r"[Aa]rrow keys?\b|[Kk]eyboard|\bShift\b|\bEscape\b|\bCtrl\b|[Pp]ointer\b|[Hh]over|[Mm]ouse\b"
    r"|Move over|화살표 키|키보드|마우스|포인터"
)


def test_words_for_a_finger():
    told = {
        key for code in LANGUAGES for key, text in texts(code).items() if NOT_TOUCHED.search(text)
    }
    assert not [key for key in told if key.endswith("_touch")]
    touched = {key.removesuffix("_touch") for key in KEYS if key.endswith("_touch")}
    assert touched == told
    chosen = {key for key in touched if key.endswith(".try")}  # by frame.say; the others by pads
    assert all(key.partition(".")[0] in PAD_TABLES for key in touched - chosen)


# --- No visible text in the code ----------------------------------------------------------------

SHOWN = {
    *("button", "caption", "checkbox", "code", "error", "expander", "header", "info", "markdown"),
    *("metric", "multiselect", "number_input", "popover", "radio", "segmented_control"),
    *("selectbox", "select_slider", "slider", "subheader", "success", "text", "text_input"),
    *("text_area", "title", "toast", "toggle", "warning", "write", "download_button", "spinner"),
    *("tabs", "pills", "progress", "status", "dialog", "link_button", "page_link", "Page"),
}
NAMED = {"label", "help", "placeholder", "title", "page_title", "text", "body", "delta"}


def literals(node: ast.AST):
    """Visible literal text of an argument."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if re.search(r"[^\W\d_]{2,}", node.value) and not node.value.startswith(":material/"):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.Constant):
                yield from literals(part)
    elif isinstance(node, ast.BinOp):
        yield from literals(node.left)
        yield from literals(node.right)
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)
    elif isinstance(node, ast.List | ast.Tuple):
        for part in node.elts:
            yield from literals(part)


def visible(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in SHOWN:
                first = [] if getattr(node.func.value, "id", "") == "re" else node.args[:2]
                named = [keyword.value for keyword in node.keywords if keyword.arg in NAMED]
                for argument in [*first, *named]:
                    found += literals(argument)
            elif node.func.attr == "set_page_config":
                for keyword in node.keywords:
                    if keyword.arg == "page_title":
                        found += literals(keyword.value)
    return found


def test_the_finder_of_literals_bites():
    wrong = 'st.header("Hello"); c.metric(words("a"), "12 nats"); st.write(f"K is {k}")'
    assert sorted(visible(ast.parse(wrong))) == ["12 nats", "Hello", "K is "]
    right = (
        'st.header(words("app.title")); c.metric(label, f"{v:.1f}"); st.html("<style>a</style>")'
    )
    assert visible(ast.parse(right)) == []


def test_views_hold_no_visible_text():
    for path in [*sorted((EXPLORER / "views").glob("*.py")), EXPLORER / "main.py"]:
        assert visible(ast.parse(path.read_text(encoding="utf-8"))) == [], path.name


# --- The lookup itself --------------------------------------------------------------------------


def test_words():
    words = Words("en")
    assert words("app.title") == "Latent Explorer"
    assert "3" in words("app.skipped_runs", count=3)
    assert "app.title" in words and "app.nonsense" not in words
    with pytest.raises(KeyError):
        words("app.nonsense")
    with pytest.raises(ValueError, match="'title'"):
        words.group("explore", "compare")
    group = words.group("pad")
    assert group["reset"] == words("pad.reset") and not any("." in key for key in group)


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        ("ko", "ko"),
        ("ko-KR", "ko"),
        ("KO-kr", "ko"),
        ("ko,en;q=0.8", "ko"),
        ("en-GB", "en"),
        ("en,ko;q=0.8", "en"),
        ("kok", "en"),
        ("fr", "en"),
        (None, "en"),
    ],
)
def test_the_browser_s_language(locale, code):
    assert best(locale) == code


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_words_are_held_apart_by_the_page_s_style_alone(code):
    """A saved caption has its words without the style: "33.2squared error" is no unit."""
    for key, text in texts(code).items():
        assert not re.search(r"\S<small>|</small>\w", text), key
