"""A whole site in one process."""

import sys
from pathlib import Path

# The demo's services use the sampler as any service does. OpsPortal is run from its checkout, and
# so is this package: after everything that is installed.
sys.path.append(str(Path(__file__).parents[2] / "clients" / "opsportal-sampler" / "src"))
