# Set-up is quick where nothing is missing, so every target that needs it asks for it. `activate` puts .venv and the
# Pulumi engine on PATH and sets defaults for Pulumi's state and passphrase where you have none.
SHELL := /bin/bash
ACTIVATE := . .venv/bin/activate
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo destroy test test-vm test-firmware firmware fuzz torture test-unit bench lint lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Get what is missing on this machine: packages, .venv, the Pulumi engine, the sandbox hosts' root file system
	@setup/run

setup-tests: ## The same, and the tools for tests
	@setup/run --tests

demo: setup ## Bring the ccna_ch8 lab up on a sandbox host, check it and show it: its routers are emulated Ciscos; ROUTERS=frr: FRR
	@$(ACTIVATE) && python -m cli.demo $(if $(ROUTERS),--routers $(ROUTERS))

destroy: setup ## Take away all that `make demo` made
	@$(ACTIVATE) && python -m cli.demo --destroy

test: setup-tests ## All tests: unit, lifecycle on a real kernel, end to end with the real engine
	@$(ACTIVATE) && pytest

test-vm: ## A lab on a Debian 12 in a virtual machine (software emulation), and its reboot: about 10 minutes
	@setup/run --tests --vm
	@$(ACTIVATE) && pytest -s tests/vm

firmware: ## Build the free router firmware: the same bytes as the committed image
	@setup/run --firmware
	@$(MAKE) -C firmware

fuzz: ## Fuzz the firmware natively: frames, console keys, configurations (clang-14; FUZZ_SECONDS=60 each)
	@$(MAKE) -C firmware fuzz

test-firmware: ## The firmware: rebuild, unit tests, and real routers in the Dynamips of the sandbox hosts
	@setup/run --tests --firmware
	@$(ACTIVATE) && pytest tests/firmware

bench: setup ## Measure beside the engine alone, scripts and other tools (ARGS=--write: into docs/benchmarks.md)
	@$(ACTIVATE) && python -m benchmarks $(ARGS)

torture: setup-tests ## Each attribute edited and drifted, kills and cuts at every step, ten labs at once: hours (TORTURE_EVERY=5: each fifth step)
	@$(ACTIVATE) && pytest -m "quiet or thorough" && pytest tests/torture

test-unit: setup-tests ## The tests that need neither root nor an engine
	@$(ACTIVATE) && pytest tests/unit

lint: setup-tests ## ruff and mypy
	@$(ACTIVATE) && ruff check . && ruff format --check . && mypy

lock: setup-tests ## Lock the newest Python packages that pyproject.toml allows
	@$(ACTIVATE) && setup/lock

clean: ## Remove .venv and what tools cached in the checkout (not .state, which holds the stacks)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
