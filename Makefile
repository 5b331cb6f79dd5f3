# make run    installs what is missing and starts the studio     make run PORT=7861 HOST=0.0.0.0
# make neural installs what engines with downloaded models need (PyTorch, transformers, Demucs: gigabytes)
# make test   installs what is missing and runs every test
# Needs Python 3.11-3.13 and make, nothing else.

SHELL := /bin/sh
BIN := .venv/bin
FONT_PACKAGE := fluidr3mono-gm-soundfont
VOICE_PACKAGE := libflite1
LAME_PACKAGE := libmp3lame0
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Demucs declares sphn, which has no wheel for aarch64 and would have to be built with Rust. Only its own command reads
# files with it; the studio hands it arrays, so it comes alone, and what its model imports is named in pyproject.toml.
DEMUCS = $(PIP) --no-deps demucs
# Two tests at a time, those of a file one after the other: they share what it takes long to make.
TWO := -n 2 --dist loadfile

ifdef PORT
export STUDIO_PORT := $(PORT)
endif
ifdef HOST
export STUDIO_HOST := $(HOST)
endif

.PHONY: run install neural test test-slow lint format bench doctor soundfont voice lame browser clean

run: install soundfont voice lame
	@exec $(BIN)/python app.py

install: .venv/.installed

neural: .venv/.neural

test: .venv/.tested browser soundfont voice lame
	@$(BIN)/python -m pytest $(TWO) $(ARGS)

test-slow: .venv/.tested browser soundfont voice lame
	@$(BIN)/python -m pytest $(TWO) -m "slow or not slow" $(ARGS)

lint: .venv/.tested
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: .venv/.tested
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: .venv/.tested
	@$(BIN)/python bench/$(or $(NAME),studio).py $(ARGS)

doctor: install
	@$(BIN)/studio doctor

# The newest Python that the libraries have wheels for comes first.
.venv/bin/python:
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Building .venv with $$("$$python" --version)"; exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo "No Python 3.11, 3.12 or 3.13 with venv was found; install one (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing the studio; this takes a minute or two, once."
	@$(PIP) -e .
	@echo "Compiling the instruments, once."
	@$(BIN)/python -c "import tasks; tasks.warm()"
	@touch $@

.venv/.neural: .venv/.installed
	@echo "Installing PyTorch and transformers; this takes a few minutes, once."
	@$(PIP) -e '.[neural]'
	@$(DEMUCS)
	@touch $@

.venv/.tested: .venv/.installed
	@$(PIP) -e '.[test,neural]'
	@$(DEMUCS)
	@touch $@

# A General MIDI SoundFont makes acoustic instruments sound better. No root needed; without one the studio's own play.
soundfont:
	@if [ ! -e .soundfonts ] && ! ls /usr/share/sounds/sf[23]/* /usr/share/soundfonts/* >/dev/null 2>&1; then \
	  mkdir -p .soundfonts/fetch && cd .soundfonts/fetch && \
	  { timeout 120 apt-get download $(FONT_PACKAGE) >/dev/null 2>&1 && dpkg -x $(FONT_PACKAGE)_*.deb .. \
	    && echo "Fetched the SoundFont FluidR3Mono (MIT)." \
	    || echo "No SoundFont could be fetched; the studio's own instruments play."; }; \
	  cd ../.. && rm -rf .soundfonts/fetch; rmdir .soundfonts 2>/dev/null || true; \
	fi

# Flite's English voices sing words that can be understood. No root needed; without them the studio's own singer sings.
voice:
	@if [ ! -e .voices ] && ! ls /usr/lib/*/libflite_cmu_us_rms.so.1 /usr/lib*/libflite_cmu_us_rms.so.1 >/dev/null 2>&1; then \
	  mkdir -p .voices/fetch && cd .voices/fetch && \
	  { timeout 120 apt-get download $(VOICE_PACKAGE) >/dev/null 2>&1 && dpkg -x $(VOICE_PACKAGE)_*.deb .. \
	    && echo "Fetched the voices of Flite (CMU, permissive)." \
	    || echo "Flite could not be fetched; the studio's own formant singer sings."; }; \
	  cd ../.. && rm -rf .voices/fetch; rmdir .voices 2>/dev/null || true; \
	fi

# LAME as the system compiles it packs an MP3 in a third of the time. No root needed; without it soundfile's own packs.
lame:
	@if [ ! -e .lame ] && ! ls /usr/lib/*/libmp3lame.so.0 /usr/lib*/libmp3lame.so.0 >/dev/null 2>&1; then \
	  mkdir -p .lame/fetch && cd .lame/fetch && \
	  { timeout 120 apt-get download $(LAME_PACKAGE) >/dev/null 2>&1 && dpkg -x $(LAME_PACKAGE)_*.deb .. \
	    && echo "Fetched LAME (LGPL)." \
	    || echo "LAME could not be fetched; MP3s take three times as long."; }; \
	  cd ../.. && rm -rf .lame/fetch; rmdir .lame 2>/dev/null || true; \
	fi

# The page is tested in a real browser: the system's Chromium, else Playwright's.
browser: .venv/.tested
	@if ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1; then \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install -y -qq chromium >/dev/null 2>&1; } \
	  || $(BIN)/python -m playwright install chromium >/dev/null 2>&1 \
	  || echo "No Chromium could be installed; the tests of the page will say so." >&2; \
	fi

clean:
	@rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
