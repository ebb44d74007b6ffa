from ric.process.fork_hooks import register_after_fork as register_after_fork
from ric.process.fork_hooks import register_pre_fork as register_pre_fork
