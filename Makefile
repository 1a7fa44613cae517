# Two commands set everything up and go:  make demo   and   make test
#   make demo VIDEO=people.mp4     a video, a folder of pictures, or a webcam (VIDEO=0) instead of the demo clip
#   make networks                add torch: import checkpoints of the paper's networks, export, train
#   make VENV=/path ...            another place for the virtual environment (default .venv in this folder)
#   make PYTHON=python3.12 ...     another Python, 3.10 to 3.13
PYTHON ?= python3
VENV ?= .venv
OUT ?= out
VIDEO ?=
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
STAMPS = $(VENV)/.poco_ros
SOURCES = $(shell find poco_ros msg launch config engines cmake -type f -not -name '*.pyc') \
          CMakeLists.txt package.xml setup.py pyproject.toml requirements.txt requirements-build.txt

.PHONY: demo test setup networks lint clean help

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -5

demo: setup
	$(VENV)/bin/poco demo $(if $(VIDEO),--video '$(VIDEO)') --out '$(OUT)'

test: setup $(STAMPS)/networks $(STAMPS)/test
	$(MAKE) --no-print-directory lint
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

lint: $(STAMPS)/lint
	$(VENV)/lint/bin/ruff check .
	$(VENV)/lint/bin/mypy

setup: $(STAMPS)/models

networks: setup $(STAMPS)/networks

$(VENV)/bin/python:
	@$(PYTHON) scripts/check_machine.py
	@echo '[1/4] virtual environment in $(VENV)'
	@$(PYTHON) -m venv '$(VENV)'

$(STAMPS)/packages: $(VENV)/bin/python requirements.txt requirements-build.txt
	@echo '[2/4] packages from PyPI (ROS 2, OpenVINO, OpenCV ...)'
	@$(PIP) install -r requirements.txt -r requirements-build.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/installed: $(STAMPS)/packages $(SOURCES)
	@echo '[3/4] messages and nodes of poco_ros'
	@$(PIP) install --quiet --no-build-isolation --no-deps .
	@touch $@

$(STAMPS)/models: $(STAMPS)/installed
	@echo '[4/4] model files (once, into the cache)'
	@$(VENV)/bin/poco fetch-models
	@touch $@

$(STAMPS)/test: requirements-test.txt $(STAMPS)/packages
	@$(PIP) install --quiet -r requirements-test.txt
	@touch $@

$(STAMPS)/networks: requirements-networks.txt $(STAMPS)/packages
	@echo '      torch, timm, ONNX (for checkpoints, export, training and the tests)'
	@$(PIP) install --quiet -r requirements-networks.txt
	@touch $@

# An environment of its own with one numpy, so that types are checked alike on every machine and Python.
$(STAMPS)/lint: requirements-lint.txt $(VENV)/bin/python
	@$(PYTHON) -m venv '$(VENV)/lint'
	@$(VENV)/lint/bin/python -m pip --disable-pip-version-check install --quiet -r requirements-lint.txt
	@mkdir -p $(STAMPS) && touch $@

clean:
	rm -rf build '$(VENV)' '$(OUT)'
