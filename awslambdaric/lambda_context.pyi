from ric.function.context import Client as Client
from ric.function.context import ClientContext as ClientContext
from ric.function.context import CognitoIdentity as CognitoIdentity
from ric.function.context import LambdaContext as LambdaContext
