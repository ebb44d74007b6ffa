from ric.api.client import BaseLambdaRuntimeClient as BaseLambdaRuntimeClient
from ric.api.client import InvocationRequest as InvocationRequest
from ric.api.client import LambdaRuntimeClient as LambdaRuntimeClient
from ric.errors import LambdaRuntimeClientError as LambdaRuntimeClientError
