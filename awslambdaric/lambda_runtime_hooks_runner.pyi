from ric.process.snapstart import run_after_restore as run_after_restore
from ric.process.snapstart import run_before_snapshot as run_before_snapshot
