"""Whether the studio stands: rows of the fault matrix, and the neural engines against their upstreams.

python bench/upright.py [--quick] [--only row_02,prompts]      one line a part; the last line is JSON

rows_green        rows of the fault matrix in bench/faults that are as they must be; of 17
reads_p95_ms      library, job, page and sound while 20 writers submit, 95th percentile of the slowest
waiting_p95_ms    the same with 130 callers that wait for their song
prompts_equal     codes prompts of ACE-Step's planner that are upstream's, token for token; of 3,456
cover_zero_diff   how far covers of two sources differ at strength 0, largest over checkpoints
adapter_error     LoKr, LoHa and DoRA against lycoris and PEFT, largest difference of a layer's output
attention_error   sliding attention in blocks against the dense mask, largest difference
"""

import argparse
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

PARTS = ("prompts", "cover", "adapters", "attention")  # of the engines; each is a file in bench/faults, as rows are


def parts() -> list[str]:
    """Names of all parts, rows first."""
    rows = sorted(path.stem for path in (ROOT / "bench" / "faults").glob("row_*.py"))
    return [*rows, *PARTS]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    said = parser.parse_args(arguments)
    wanted = [name for name in parts() if not said.only or any(name.startswith(one) for one in said.only.split(","))]
    figures: dict[str, float] = {"rows_green": 0}
    wrong = 0
    for name in wanted:
        module, start = importlib.import_module(f"bench.faults.{name}"), time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="upright-") as folder:
            row = module.measure(Path(folder), said.quick)
        figures["rows_green"] += row.green and name.startswith("row_")
        figures |= row.figures
        wrong += not row.green
        print(f"{name:24} {'green' if row.green else 'RED':6} {time.perf_counter() - start:6.1f} s  {row.figures}")
        print("".join(f"{'':25}{sentence}\n" for sentence in row.wrong), end="", flush=True)
    print(json.dumps(figures))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
