# `make run` shows a function served from end to end; `make test` runs the tests. Both set up what they need in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Test files that run at once: one more than processors, as tests wait more than they compute. 0 for none beside another.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Its notice of a newer pip is nothing that a reader of the output could use.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test test-wheel test-all test-ecosystem parity faults soak fuzz fuzz-quick bench bench-quick soak-workers \
	bench-workers-memory bench-concurrency bench-bytecode lint audit docs build clean

run: $(VENV)/.installed
	$(BIN)/python examples/run.py

test: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile $(ARGS)

# The wheel, and the sdist that it is made from, as their users have them: installed outside of this repository, on every
# interpreter that this machine has, free-threaded ones too; its types as mypy and pyright see them; beside awslambdaric.
test-wheel: $(VENV)/.installed-wheel
	WHEEL_TEST_PYTHONS="$$(sh .ci/interpreters --free-threaded | tr '\n' ' ')" $(BIN)/python -m pytest tests/wheel $(ARGS)

# Every interpreter from 3.10 on that is found on the path or in pyenv, each in its own environment.
test-all:
	@set -e; for python in $$(sh .ci/interpreters); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "== Python $$version"; \
		$(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version; \
	done

# ric and awslambdaric 4.2.2 against the same scripted Runtime API, one line per case.
parity: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python -m tests.parity

# Faults of the Runtime API and hostile handlers, tried on ric and on awslambdaric 4.2.2; writes the tables of docs/trust.md.
faults: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python -m tests.faults --write

# atheris looks for bytes that break a rule of tests/fuzz, a minute for each target; ARGS="--seconds 600 answer" for others.
fuzz: $(VENV)/.installed-fuzz
	$(BIN)/python -m tests.fuzz $(ARGS)

fuzz-quick: $(VENV)/.installed-fuzz
	$(BIN)/python -m tests.fuzz --seconds 1

# Functions with published packages, such as sentry-sdk, on ric and on awslambdaric 4.2.2; ARGS="-k xray" for a part.
test-ecosystem: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python -m tests.ecosystem.environments
	$(BIN)/python -m pytest tests/ecosystem $(ARGS)

# ric, awslambdaric and others side by side; the long form also draws the pictures of docs/benchmarks.md.
bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks --json docs/benchmarks/figures.json
	$(BIN)/python -m benchmarks.plots docs/benchmarks/figures.json docs/benchmarks

bench-quick: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks --quick

# Thirty thousand invocations of every kind over connections that fail at random; ARGS="--seed 7 --official" for others.
soak: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python -m tests.soak $(ARGS)

# Ten thousand invocations while workers are killed at random; ARGS="--size 32 --seed 7" for others.
soak-workers: $(VENV)/.installed-test
	$(BIN)/python -m tests.soak_workers $(ARGS)

# Sixteen workers over 50 MB of data: ric, with and without preloading, and awslambdaric 4.2.2.
bench-workers-memory: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python benchmarks/workers_memory.py $(ARGS)

# The modes of several invocations at once, and awslambdaric 4.2.2: throughput, CPU time, memory, start-up.
bench-concurrency: $(VENV)/.installed-test
	$(BIN)/python tests/fetch.py
	$(BIN)/python benchmarks/concurrency.py $(ARGS)

# What byte code in an image saves at a start.
bench-bytecode: $(VENV)/.installed-test
	$(BIN)/python benchmarks/bytecode.py $(ARGS)

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, into site/: site/index.html opens in a browser as it is. A link that leads nowhere is an error.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python -m docs.check_site site

# Known vulnerabilities of whatever is installed to run, test and build ric; .ci/audit.py explains the exit codes.
audit: $(VENV)/.installed-test $(VENV)/.installed-lint
	$(BIN)/python .ci/audit.py $(ARGS)

# Older files go first: `pip install dist/ric-*.whl`, as in a Dockerfile, fails where there are two wheels.
build: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet build
	rm -f dist/ric-*.whl dist/ric-*.tar.gz
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf .venv .venv-* .cache .hypothesis build dist site

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.installed

# Without a wheel pip would try to build atheris, which needs a clang of its own and says so in a thousand lines.
$(VENV)/.installed-fuzz: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --only-binary atheris --editable '.[fuzz]' && $(BIN)/python -c 'import atheris' || { \
		echo "atheris cannot be installed for $$($(BIN)/python -V) on $$(uname -sm). It has wheels for CPython 3.10 to 3.14 on" \
			"x86-64 Linux: make fuzz PYTHON=python3.12 VENV=.venv-fuzz" >&2; exit 2; }
	touch $@ $(VENV)/.installed-test $(VENV)/.installed

$(VENV)/.installed-wheel: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,typing]'
	touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[bench,test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-lint: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[lint,test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@ $(VENV)/.installed
