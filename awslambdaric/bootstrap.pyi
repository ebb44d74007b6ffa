from ric.bootstrap import handle_event_request as handle_event_request
from ric.bootstrap import run as run
from ric.bootstrap import to_json as to_json
from ric.bootstrap import update_xray_env_variable as update_xray_env_variable
from ric.function.context import LambdaContext as LambdaContext
from ric.function.context import create_lambda_context as create_lambda_context
from ric.function.faults import make_error as make_error
from ric.function.faults import make_xray_fault as make_xray_fault
from ric.function.loader import load_handler as _get_handler  # noqa: F401 - others import it
from ric.process.error_log import log_error as log_error
from ric.process.sinks import create_log_sink as create_log_sink
