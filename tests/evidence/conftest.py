import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # exact_cases and study, which several test modules share
