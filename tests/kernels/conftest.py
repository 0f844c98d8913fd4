import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the case table, for the modules that are generated from it
