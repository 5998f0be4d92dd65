.PHONY: run test lint types check bench

run:
	uv run streamlit run explorer/app.py

test:
	uv run pytest

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
	uv run python -m benchmarks.knobs
	uv run python -m benchmarks.live
	uv run python -m benchmarks.gaps
	uv run python -m benchmarks.projections
	uv run python -m benchmarks.holes
	uv run python -m benchmarks.crowd
	uv run python -m benchmarks.attack
