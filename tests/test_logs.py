"""The log says when and how grave, and stops nothing where it cannot be written."""

import re
import subprocess
import sys

import pytest

from bench.faults import row_28_clock_log
from conftest import ROOT, surroundings

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (WARNING|INFO|ERROR) [\w.]+: ")
SAY = (
    "import logs, logging; logs.begin(); import uvicorn; uvicorn.Config(None, log_level='warning'); logs.adopt()\n"
    "logging.getLogger('studio.lane').info('one'); logging.getLogger('uvicorn.error').warning('two')\n"
    "import warnings; warnings.warn('three'); logging.getLogger('httpx').info('a request')\n"
    "print('said'); logs.end()"
)


def test_every_line_has_time_and_level():
    ran = subprocess.run([sys.executable, "-c", SAY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "said\n"
    lines = [line for line in ran.stderr.splitlines() if line.strip() and not line.startswith(" ")]
    assert len(lines) == 3 and all(LINE.match(line) for line in lines), ran.stderr
    assert [LINE.match(line)[1] for line in lines] == ["INFO", "WARNING", "WARNING"]


@pytest.mark.parametrize("where", [">/dev/full 2>&1", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_log_that_cannot_be_written_is_no_fault_of_the_process(where, tmp_path):
    code = f"{SAY}; open({str(tmp_path / 'file')!r}, 'w').write('untouched')"
    ran = subprocess.run(
        ["sh", "-c", f'exec "$@" {where}', "sh", sys.executable, "-c", code], cwd=ROOT, env=surroundings(tmp_path)
    )
    assert ran.returncode == 0
    assert (tmp_path / "file").read_text() == "untouched"


def test_row_28_of_the_fault_matrix_is_green(tmp_path):
    row = row_28_clock_log.measure(tmp_path, quick=True)
    assert row.green, row
