"""What each variant says of itself: complete in both languages, and no page falls over a gap."""

import ast
import re
import shutil
import tomllib

import pytest

from core.models import VARIANTS
from explorer import knobs, language, members
from explorer.language import LANGUAGES, Words, texts
from tests.digits import REPOSITORY

FILES = sorted(language.FAMILY.glob("*.toml"))
WORDS = {code: Words(code) for code in LANGUAGES}
FRAMED = {"multilevel_dae": ("level", 2)}
FRAMED |= dict.fromkeys(("vae", "beta_vae", "conditional_vae", "multirate_vae"), ("beta", 1))


# --- What ships is complete, and nothing in it is idle ------------------------------------------


def test_every_variant_has_a_file_and_every_file_a_variant():
    assert {path.stem for path in FILES} == set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_it_says_all_that_pages_ask(name):
    assert members.lacks(name, VARIANTS[name].Config.knobs()) == []
    for words in WORDS.values():
        assert members.missing(words, name) == ""
    assert members.title(WORDS["en"], name) == VARIANTS[name].title


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_says_nothing_that_no_page_reads(path):
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(said) - {"parent", "choices"} == {"equation", "code", *LANGUAGES}
    declared = {knob.name: knob for knob in VARIANTS[path.stem].Config.knobs()}
    choices = {choice for knob in declared.values() for choice in knob.choices}
    terms = set(re.findall(r"\\term\{(\w+)\}", "".join(said["equation"])))
    shared = texts("en")
    for code in LANGUAGES:
        table = said[code]
        of_child = set(members.OF_CHILDREN) if "parent" in said else set()
        assert set(table) - {"terms", "options", "knobs"} == set(members.TOLD) | of_child
        assert set(table.get("terms", {})) <= {t for t in terms if f"equation.{t}" not in shared}
        assert set(table.get("options", {})) <= choices
        assert not any(f"option.{choice}" in shared for choice in table.get("options", {}))
        assert all(len(table[name]) <= 26 for name in of_child & {"adds"})
        assert all(len(re.findall(r"[.?!](?= |$)", table[n])) == 2 for n in of_child - {"adds"})
        for name, told in table.get("knobs", {}).items():
            assert name in declared and set(told) == {"label", "help"}, name
            knob = declared[name]
            alike = (shared.get(f"knob.{name}.{what}") for what in ("label", "help"))
            assert tuple(alike) != (knob.label, knob.help), f"{name} says what all share"


def test_no_shared_term_is_idle():
    used = {t for path in FILES for t in re.findall(r"\\+term\{(\w+)\}", path.read_text("utf-8"))}
    shared = {key.split(".")[1] for key in texts("en") if re.fullmatch(r"equation\.\w+", key)}
    assert shared <= used


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", VARIANTS)
def test_equations(name, code):
    words = WORDS[code]
    shown = members.latex(words, name)
    whole = "".join(language.member(name).equation)
    terms = re.findall(r"\\term\{(\w+)\}", whole)
    assert shown.count("{") == shown.count("}") and "<" not in shown and r"\term" not in shown
    told = [words.first(f"equation.{term}.{name}", f"equation.{term}") for term in terms]
    assert told and all(one and one in shown for one in told)
    assert r"\boxed" not in shown
    control, framed = FRAMED.get(name, ("beta", 0))
    assert members.latex(words, name, control).count(r"\boxed") == framed
    marked = set(re.findall(r"<(\w+)>", whole))
    new = members.latex(words, name, members.NEW).count(r"\boxed")
    assert (new > 0) == (members.NEW in marked) == bool(language.member(name).parent)
    assert marked - {members.NEW} <= {knob.name for knob in VARIANTS[name].Config.knobs()}


def test_no_view_asks_for_what_a_variant_may_lack():
    """Titles and assumptions come through `explorer.members`, which has something for each gap."""
    for path in (REPOSITORY / "explorer").glob("**/*.py"):
        if path.name not in ("members.py", "language.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                    assert not re.match(r"(variant|equation)\.", node.values[0].value), path.name


# --- What is missing ----------------------------------------------------------------------------


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A copy of the family's files, which a test may change before it asks."""
    folder = tmp_path / "family"
    shutil.copytree(language.FAMILY, folder)
    monkeypatch.setattr(language, "FAMILY", folder)
    return folder


def label(code, variant="vae", name="beta"):
    knob = next(knob for knob in VARIANTS[variant].Config.knobs() if knob.name == name)
    return knobs.help_of(Words(code), knob, variant)


def declared(variant="vae", name="beta"):
    return next(knob.help for knob in VARIANTS[variant].Config.knobs() if knob.name == name)


@pytest.mark.parametrize("code", LANGUAGES)
def test_without_a_file_its_class_speaks(family, code):
    (family / "vae.toml").unlink()
    words = Words(code)
    assert members.title(words, "vae") == VARIANTS["vae"].title
    assert members.about(words, "vae") == members.latex(words, "vae", "beta") == ""
    assert label(code) == declared()
    assert "`explorer/family/vae.toml`" in members.missing(words, "vae")
    assert members.missing(words, "pca") == ""


@pytest.mark.parametrize("content", [b"[en\ntitle = 3", b"\xff\xfe", b""])
def test_a_torn_file_takes_nothing_down(family, content):
    (family / "vae.toml").write_bytes(content)
    for code in LANGUAGES:
        words = Words(code)
        assert members.title(words, "vae") == VARIANTS["vae"].title
        assert members.latex(words, "vae") == "" and label(code) == declared()
        assert "vae.toml" in members.missing(words, "vae")
        assert members.title(words, "multirate_vae") == words("variant.multirate_vae.title")


def test_what_the_family_page_wants_is_missed(family):
    whole = (family / "vae.toml").read_text(encoding="utf-8")
    bare = re.sub(r"</?new>|code = '''.*?'''", "", whole, flags=re.DOTALL)
    bare = re.sub(r"differs = .*", "", bare).replace("stacked_ae", "nobody", 1)
    (family / "vae.toml").write_text(bare, encoding="utf-8")
    wanted = ["en.differs", "ko.differs", "code", "parent", "equation <new>"]
    assert members.lacks("vae") == wanted
    assert "`equation <new>`" in members.missing(WORDS["en"], "vae")


def test_values_of_a_wrong_kind_count_as_missing(family):
    wrong = 'equation = 3\nko = "title"\n[en]\ntitle = 3\nsentence = " "\nassumption = "A."\n'
    (family / "vae.toml").write_text(wrong + '[en.knobs]\nbeta = "label"\n[en.terms.nll]\na = 1\n')
    words = Words("en")
    assert members.title(words, "vae") == "VAE" and members.about(words, "vae") == "A."
    assert members.lacks("vae")[:3] == ["equation", "en.title", "en.sentence"]
    assert label("en") == declared()


def test_without_korean_it_speaks_english_and_says_so(family):
    whole = (family / "vae.toml").read_text(encoding="utf-8")
    (family / "vae.toml").write_text(whole[: whole.index("[ko]")], encoding="utf-8")
    korean, english = Words("ko"), Words("en")
    assert members.title(korean, "vae") == "VAE"
    assert members.about(korean, "vae") == members.about(english, "vae") != ""
    assert korean("equation.kl") in members.latex(korean, "vae")
    assert label("ko") == declared()
    places = members.lacks("vae")
    assert "ko.title" in places and "ko.knobs.beta.help" in places
    assert not any(place.startswith("en.") for place in places)
    for words in (korean, english):
        assert "`ko.title`" in members.missing(words, "vae") and "…" in members.missing(
            words, "vae"
        )


def test_a_knob_without_words_of_its_own_is_missed(family):
    whole = (family / "vae.toml").read_text(encoding="utf-8")
    (family / "vae.toml").write_text(re.sub(r"\[..\.knobs\.beta\][^[]+", "", whole), "utf-8")
    assert members.lacks("vae") == []
    places = members.lacks("vae", VARIANTS["vae"].Config.knobs())
    assert places == [
        f"{code}.knobs.beta.{what}" for code in LANGUAGES for what in ("label", "help")
    ]


def test_an_equation_with_slips_is_still_shown(family):
    (family / "vae.toml").write_text(
        r"equation = ['\term{nonsense} <beta>a', 'x<y>z', '<b>1</b>', 3]", encoding="utf-8"
    )
    shown = members.latex(Words("en"), "vae", "b")
    assert r"\text{nonsense} <beta>a" in shown and "x<y>z" in shown and r"\boxed" in shown
