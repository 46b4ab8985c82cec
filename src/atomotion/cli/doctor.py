"""``atomotion doctor``: check the installation and this machine."""

import platform
import re
import shutil
import sys
from importlib import metadata

from atomotion import __version__
from atomotion.cli.machine import cores

# what cannot be part of a distribution's name
_NAME_ENDS = re.compile(r"[^A-Za-z0-9._-]")
_EXTRAS = {
    "rosettasciio": ("formats", "reads DM3, DM4, SER/EMI, EMD"),
    "distributed": ("cluster", "runs leaves on a cluster"),
}


def doctor() -> int:
    """Say what is installed, what is missing and what for, and what this machine offers."""
    print(f"atomotion {__version__}, Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"cores {cores()}, free disk {shutil.disk_usage('.').free / 1e9:.0f} GB")
    missing = []
    requirements = {
        _NAME_ENDS.split(each, maxsplit=1)[0]: "extra ==" in each for each in metadata.requires("atomotion") or []
    }
    for name, extra in requirements.items():
        if extra and name not in _EXTRAS:
            continue
        try:
            print(f"  {name:18} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            if name in _EXTRAS:
                group, use = _EXTRAS[name]
                print(f"  {name:18} not installed ({use}); pip install 'atomotion[{group}]'")
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
