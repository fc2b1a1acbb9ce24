# SPDX-License-Identifier: Apache-2.0
# Two commands do everything on a fresh Debian machine: `make demo` and `make test`.
# The others: `make help`.

UV     := $(shell command -v uv || echo .uv/bin/uv)
RUN    := $(UV) run --locked --all-extras --quiet
BENCHES := riscv aot channel verify trust
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format prove mutate bench $(BENCHES:%=bench-%) clean

help: ## Show what can be made.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: ## Install what is missing: Debian packages, uv, the locked Python packages.
	@sh tools/setup.sh

demo: setup ## Run the whole story on this machine: an auction in a RISC-V TEE, then its attackers.
	@$(RUN) python examples/auction/demo.py

test: setup ## Run every test.
	@$(RUN) pytest -n $(JOBS) --dist worksteal

check: setup ## Style, types, layers; pages against the program and the data, the knowledge against its schema.
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) lint-imports
	@$(RUN) python tools/check_readme.py
	@$(RUN) python tools/check_knowledge.py
	@$(RUN) python tools/write_taxonomy.py --check

format: setup ## Put the sources in order.
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

prove: setup ## Prove the monitor's bounds checks for all inputs.
	@$(RUN) --group prove python -m tools.prove

mutate: setup ## Break each check of each verifier, and see a test fail; ROOM=intel for one room.
	@JOBS=$(JOBS) $(RUN) python -m tools.mutate $(ROOM)

bench: setup ## Measure speed, as ratios within one run; fails at the end if a goal is missed.
	@missed=0; for name in $(BENCHES); do $(RUN) python bench/bench_$$name.py || missed=1; done; exit $$missed

$(BENCHES:%=bench-%): bench-%: setup
	@$(RUN) python bench/bench_$*.py

clean: ## Remove what was built here.
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
