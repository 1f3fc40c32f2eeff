"""OpenVINO is imported without its telemetry."""

import json
import subprocess
import sys
from pathlib import Path

CODE = """
import json, multiprocessing, os, sys, time
forks = []
os.register_at_fork(before=lambda: forks.append(1))
from pipelines.loading.openvino import import_openvino_genai
import_openvino_genai().SchedulerConfig()
time.sleep(0.5)
print(json.dumps({"forks": len(forks), "telemetry": sys.modules.get("openvino_telemetry") is not None}))
"""


def test_importing_openvino_reports_to_nobody_and_forks_nothing(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}  # no CI variable that would silence it anyway
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(told.stdout) == {"forks": 0, "telemetry": False}
