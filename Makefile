.PHONY: run test browsers lint types check bench

run:
	uv run streamlit run explorer/app.py

test:
	uv run pytest

browsers:
	uv run pytest -m others -n0 -s tests/test_other_browsers.py

lint:
	uv run ruff check
	uv run ruff format --check

types:
	uv run mypy

check: lint types
	./.ci/pads

bench:
	uv run python -m benchmarks.start
	uv run python -m benchmarks.drag
	uv run python -m benchmarks.training
	uv run python -m benchmarks.quality
	uv run python -m benchmarks.zoo
	uv run python -m benchmarks.knobs
	uv run python -m benchmarks.live
	uv run python -m benchmarks.gaps
	uv run python -m benchmarks.projections
	uv run python -m benchmarks.holes
	uv run python -m benchmarks.overfitting
	uv run python -m benchmarks.crowd
	uv run python -m benchmarks.attack
