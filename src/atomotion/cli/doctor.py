"""``atomotion doctor``: check the installation and this machine."""

import platform
import shutil
import sys
from importlib import metadata

from atomotion import __version__
from atomotion.cli.machine import cores

_EXTRAS = {
    "rosettasciio": ("formats", "reads DM3, DM4, SER/EMI, EMD"),
    "distributed": ("cluster", "runs leaves on a cluster"),
}


def doctor() -> int:
    """Say what is installed, what is missing and what for, and what this machine offers."""
    print(f"atomotion {__version__}, Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"cores {cores()}, free disk {shutil.disk_usage('.').free / 1e9:.0f} GB")
    missing = []
    for requirement in metadata.requires("atomotion") or []:
        name = requirement.split(";")[0].strip()
        name = name.split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip()
        if "extra ==" in requirement and name not in _EXTRAS:
            continue
        try:
            print(f"  {name:18} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            if name in _EXTRAS:
                extra, use = _EXTRAS[name]
                print(f"  {name:18} not installed ({use}); pip install 'atomotion[{extra}]'")
            else:
                missing.append(name)
    try:
        import torch

        gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; networks will use the CPU"
        print(f"GPU: {gpu}")
    except ModuleNotFoundError:
        missing.append("torch")
    for name in missing:
        print(f"missing: {name}; run: {sys.executable} -m pip install --upgrade atomotion", file=sys.stderr)
    return 1 if missing else 0
