# For people and CI alike; `make` alone lists what there is.
# You bring: Debian 12 or later (or Ubuntu 24.04), Rust >= 1.95, Node >= 20. What else is missing is installed by apt (with sudo when not
# root), and named when it is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Where `make run` and `make demo` keep their catalogue and recordings.
DATA ?= data
# More arguments for `amphi serve`, such as ARGS="--http 0.0.0.0:8080".
ARGS ?=
# Seconds per fuzz target in `make test`; `make fuzz FUZZ_SECONDS=3600` for a real hunt.
FUZZ_SECONDS ?= 20
# `make test` tries the same inputs everywhere, so that what it finds can be had again; `make fuzz` looks for others each time.
FUZZ_SEED ?= 1
FUZZ_ARGS ?=
NEXTEST_PROFILE ?= ci
# Pinned: the newest may need a newer Rust than ours.
NEXTEST_VERSION := 0.9.143

PROGRAM := target/debug/amphi
# What the engine, which stands beside the server, is built with: `gstreamer` leaves speech recognition out.
ENGINE_FEATURES ?= vosk

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1 \2/p' $(MAKEFILE_LIST) | while read -r name what; do printf '  make %-9s %s\n' "$$name" "$$what"; done

.PHONY: run
run: prerequisites-build web engine ## build and start a server for trying out: page, RTMP address and key are printed
	cargo build --bin amphi
	exec $(PROGRAM) serve --dev --data-dir $(DATA) $(ARGS)

.PHONY: demo
demo: prerequisites-demo web engine ## the same, and push a moving test picture with speech to it
	cargo build --bin amphi
	exec .ci/demo $(PROGRAM) $(DATA)

.PHONY: test
test: prerequisites-test nextest web engine ## everything, with real peers (ffmpeg, GStreamer, libvosk, Chromium, nginx, PostgreSQL)
	.ci/libvosk model
	$(if $(WEB),cd web && AMPHI_SHOTS=$(CURDIR)/target/screenshots/pages npm test)
	# An engine without speech recognition says so. It takes the place of the whole one, which is put back.
	cargo nextest run -p amphi-pipelines --features gstreamer --test engine -E 'test(without_speech_recognition)' --profile $(NEXTEST_PROFILE)
	cargo build -p amphi-pipelines --features $(ENGINE_FEATURES) --bin amphi-engine
	cargo nextest run --workspace --exclude amphi-pipelines --profile $(NEXTEST_PROFILE)
	cargo nextest run -p amphi-pipelines --features vosk --profile $(NEXTEST_PROFILE)
	cargo test --workspace --doc
	$(MAKE) fuzz FUZZ_ARGS=-seed=$(FUZZ_SEED)

.PHONY: engine
engine: $(if $(findstring vosk,$(ENGINE_FEATURES)),libvosk,prerequisites-engine) ## the program that makes renditions and captions, beside the server
	cargo build -p amphi-pipelines --features $(ENGINE_FEATURES) --bin amphi-engine

.PHONY: libvosk
libvosk: prerequisites-engine ## the library that recognises speech, into target/libvosk (once)
	.ci/libvosk library

.PHONY: check
check: prerequisites-check web libvosk ## format, lints, types, generated files, service unit
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p amphi-pipelines --all-targets --features gstreamer -- -D warnings
	cargo clippy -p amphi-pipelines --all-targets --features vosk -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet
	$(if $(WEB),cd web && npm run check)
	cargo test --test integration repo::

# multimux is the LL-HLS server that ours is measured against; it is built once, beside our own binaries.
MULTIMUX := target/peers/bin/multimux
$(MULTIMUX):
	@echo "Installing multimux-cli, the peer of ll_viewers, by cargo (some minutes, once)"
	cargo install multimux-cli@0.12.0 --root target/peers

BENCH_DATA := target/bench-6h
.PHONY: bench
bench: prerequisites-test web libvosk $(MULTIMUX) ## the head-to-head programs; each prints a ratio against a named peer (benches/README.md)
	cargo build --release --bin amphi
	cargo build --release -p amphi-pipelines --features vosk --bin amphi-engine
	cargo bench --bench ladder_vs_ffmpeg
	cargo bench --bench engine_boundary
	.ci/libvosk model
	[ -x target/peers/vosk/bin/python3 ] || { python3 -m venv target/peers/vosk && target/peers/vosk/bin/pip install --quiet vosk==0.3.45; }
	cargo bench --bench captions
	cargo bench --bench playlist_text
	cargo bench --bench rtmp_publishers
	cargo bench --bench ll_viewers
	rm -rf $(BENCH_DATA) && cargo bench --bench long_recording -- --data-dir $(BENCH_DATA)
	cargo bench --bench ll_viewers -- --data-dir $(BENCH_DATA) --listed 6h
	rm -rf $(BENCH_DATA) && cargo bench --bench long_recording -- --data-dir $(BENCH_DATA)
	cargo bench --bench vod_ready -- --data-dir $(BENCH_DATA)
	cargo bench --bench gate
	cargo bench --bench presence
	cargo bench --bench wall
	cargo bench --bench pages
	cargo bench --bench latency
	cargo bench --bench latency -- --rung 240
	cargo bench --bench search

.PHONY: generate
generate: web ## rewrite the committed files that the program generates
	cargo build --bin amphi
	@for pair in write-config:config/amphi.toml openapi:web/src/api/openapi.json; do \
	  subcommand=$${pair%%:*} file=$${pair#*:}; \
	  if $(PROGRAM) --help | grep -qE "^ +$$subcommand( |$$)"; then \
	    mkdir -p "$$(dirname $$file)"; $(PROGRAM) $$subcommand > $$file.new && mv $$file.new $$file && echo "wrote $$file"; \
	  fi; \
	done

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZ_SECONDS, on the stable toolchain (media/fuzz/README.md)
	cd media/fuzz && cargo build --quiet && for target in $$(sed -n 's/^name = "\(.*\)"$$/\1/p' Cargo.toml | tail -n +2); do \
	  echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
	  mkdir -p "corpus/$$target"; \
	  target/*/debug/"$$target" "corpus/$$target" "seeds/$$target" -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -verbosity=0 $(FUZZ_ARGS); \
	done

.PHONY: audit
audit: ## licences, advisories and bans of all dependencies (needs the network and cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "Installing cargo-deny by cargo"; cargo install --locked cargo-deny; }
	cargo deny check

# --- what the above stand on

.PHONY: prerequisites-build prerequisites-check prerequisites-demo prerequisites-test prerequisites-engine
prerequisites-build prerequisites-check prerequisites-demo prerequisites-test prerequisites-engine: prerequisites-%:
	@.ci/prerequisites $*

.PHONY: nextest
nextest:
	@cargo nextest --version >/dev/null 2>&1 || { \
	  echo "Installing cargo-nextest $(NEXTEST_VERSION) by cargo (some minutes, once)"; \
	  cargo install --locked cargo-nextest --version $(NEXTEST_VERSION); \
	}

# The front end is built when one of its files is newer than the last build. The mark stands in node_modules, as Vite empties dist/.
WEB := $(wildcard web/package.json)
WEB_MARK := web/node_modules/.built
WEB_FILES := $(shell [ ! -d web ] || find web \( -name node_modules -o -name dist -o -name tests \) -prune -o -type f -print)

.PHONY: web
web: $(if $(WEB),$(WEB_MARK))

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@echo "Installing the front end's packages by npm"
	cd web && npm ci --no-audit --no-fund
	touch $@

$(WEB_MARK): web/node_modules/.package-lock.json $(WEB_FILES)
	cd web && npm run build
	touch $@
